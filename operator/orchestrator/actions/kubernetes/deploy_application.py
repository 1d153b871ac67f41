"""deploy-application: apply manifests or set images, wait for the rollouts, report what changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field, model_validator

from orchestrator.actions.action import Action, ActionError, Context, Family, Outputs
from orchestrator.actions.cluster import Object, classify
from orchestrator.actions.kubernetes.images import (
    Images,
    earlier_images,
    images_of,
    mark_of,
    set_images,
)
from orchestrator.actions.kubernetes.manifests import (
    APPLY_RIGHTS,
    Planned,
    WithManifests,
    apply_over,
    plan,
    report,
    with_annotations,
)
from orchestrator.actions.kubernetes.rollouts import (
    DEFAULT_FAILURE_TIMEOUT,
    POD_RIGHTS,
    Wait,
    wait_for_rollout,
)
from orchestrator.actions.kubernetes.targets import Name
from orchestrator.actions.kubernetes.workloads import RESOURCES, WorkloadKind, revision
from orchestrator.models.base import Duration, parse_duration

if TYPE_CHECKING:
    from orchestrator.kube.blocking import BlockingClient


class DeployApplication(WithManifests):
    """Parameters of deploy-application."""

    kind: WorkloadKind = WorkloadKind.DEPLOYMENT
    """Kind of the workload whose images are set."""
    name: Name = ""
    """Name of the workload whose images are set; give either this and images, or manifests."""
    images: Annotated[Images, Field(max_length=64)] = {}
    """Image by name of the container, init containers included; `*` stands for all others."""
    timeout: Duration = "10m"
    """Maximum time to wait until all is rolled out."""
    pod_failure_timeout: Duration = DEFAULT_FAILURE_TIMEOUT
    """How long new pods may fail for the same reason (image pull, crash, quota) before the
    deployment fails."""

    @model_validator(mode="after")
    def _one_way(self) -> DeployApplication:
        if bool(self.name) != bool(self.images):
            raise ValueError("name and images go together")
        if bool(self.images) == bool(self.manifests or self.yaml):
            raise ValueError("give either manifests (or yaml), or name and images")
        return self


class Deployed(Outputs):
    """Outputs of deploy-application."""

    bulky = ("from_images", "to_images", "changed", "workloads")

    changed: list[str]
    """Objects that were created or changed, as Kind/name."""
    workloads: list[str]
    """Workloads that are rolled out, as Kind/name."""
    from_images: dict[str, str] = {}
    """Image before, by Kind/name/container; containers that did not exist are absent."""
    to_images: dict[str, str] = {}
    """Image now, by Kind/name/container."""
    revision: int | None = None
    """Revision of the first Deployment."""
    repeated: bool = False
    """Whether an earlier attempt had already changed a workload; this one waited."""
    duration_seconds: int
    """Time until all was rolled out, in seconds."""
    truncated: bool = False
    """Whether an output was truncated."""


class _Deployment:
    """What was deployed so far."""

    def __init__(self) -> None:
        self.changed: list[str] = []
        self.workloads: list[tuple[WorkloadKind, str, str]] = []
        self.before: dict[str, str] = {}
        self.after: dict[str, str] = {}
        self.repeated = False

    def add(
        self, target: tuple[WorkloadKind, str, str], before: dict[str, str], after: Object
    ) -> None:
        """A workload that was deployed, with its images before."""
        self.workloads.append(target)
        prefix = f"{target[0]}/{target[2]}"
        self.before |= {f"{prefix}/{name}": image for name, image in before.items()}
        self.after |= {f"{prefix}/{name}": image for name, image in images_of(after).items()}


def deploy_application(parameters: DeployApplication, context: Context) -> Deployed:
    """Applies manifests in their order, or sets the images of a workload; waits until every
    workload among them is rolled out, and reports what changed. It fails as soon as new pods keep
    failing, with the reason: image pull, crash, quota, progress deadline."""
    cluster, started = context.cluster(), context.clock.monotonic()
    done = _Deployment()
    if parameters.images:
        _set(cluster, context, parameters, done)
    else:
        for planned in plan(cluster, context, parameters):
            _apply(cluster, context, parameters, planned, done)
    number = _rolled_out(cluster, context, parameters, done)
    return Deployed(
        changed=done.changed,
        workloads=[f"{kind}/{name}" for kind, _, name in done.workloads],
        from_images=done.before,
        to_images=done.after,
        revision=number,
        repeated=done.repeated,
        duration_seconds=round(context.clock.monotonic() - started),
    )


def _set(
    cluster: BlockingClient, context: Context, parameters: DeployApplication, done: _Deployment
) -> None:
    target = (parameters.kind, parameters.in_namespace(context), parameters.name)
    workload, before, done.repeated = set_images(cluster, context, target, parameters.images)
    if done.repeated or before != images_of(workload):
        done.changed.append(f"{parameters.kind}/{parameters.name}")
    done.add(target, before, workload)


def _apply(
    cluster: BlockingClient,
    context: Context,
    parameters: DeployApplication,
    planned: Planned,
    done: _Deployment,
) -> None:
    """Apply a manifest; an annotation of a workload keeps its images before, for a retry."""
    key, found = (
        context.identity.key,
        cluster.find(planned.resource, planned.namespace, planned.name),
    )
    is_workload = planned.resource in RESOURCES.values()
    before: dict[str, str] = {}
    repeated = False
    if is_workload:
        earlier = earlier_images(found, key) if found else None
        repeated = earlier is not None
        before = earlier if earlier is not None else images_of(found) if found else {}
        body = with_annotations(planned.body, mark_of(key, before))
        planned = Planned(planned.resource, planned.namespace, body)
    applied = apply_over(cluster, planned, parameters, found)
    report(applied, context.log)
    done.repeated |= repeated
    if applied.changed or repeated:
        done.changed.append(planned.short)
    if is_workload:
        kind = WorkloadKind(planned.resource.kind)
        done.add((kind, planned.namespace, planned.name), before, applied.after)


def _rolled_out(
    cluster: BlockingClient, context: Context, parameters: DeployApplication, done: _Deployment
) -> int | None:
    """The revision of the first Deployment once every workload is rolled out."""
    deadline = context.clock.monotonic() + parse_duration(parameters.timeout)
    number: int | None = None
    for kind, namespace, name in done.workloads:
        left = max(0.0, deadline - context.clock.monotonic())
        wait = Wait(kind, namespace, name, f"{left:.3f}s", parameters.pod_failure_timeout)
        try:
            workload, _ = wait_for_rollout(cluster, context, wait)
        except ActionError as error:
            images = _difference(done, f"{kind}/{name}/")
            raise ActionError(f"{error}{images}", exit_code=error.exit_code) from error
        if number is None:
            number = revision(workload)
    return number


def _difference(done: _Deployment, prefix: str) -> str:
    """The images that were changed, for the error of a rollout that fails."""
    changed = [
        f"{name.removeprefix(prefix)} from {done.before[name]} to {image}"
        for name, image in done.after.items()
        if name.startswith(prefix) and done.before.get(name, image) != image
    ]
    return f" ({', '.join(changed)})" if changed else ""


ACTION = Action(
    name="deploy-application",
    title="Deploy an application",
    category="kubernetes",
    icon="upload",
    parameters=DeployApplication,
    outputs=Deployed,
    run=deploy_application,
    retries=(
        "Retried: workloads that are not rolled out within the timeout, no response, throttling, "
        "failures of the API server. Not retried: an exceeded progress deadline, new pods that "
        "keep failing, a kind that is not allowed, a manifest that the API server refuses, fields "
        "that other field managers own, missing permissions. A retry applies the same manifests "
        "again, which changes nothing that is already as they say, or waits on after images were "
        "set; an annotation of each workload keeps the images before."
    ),
    classify=classify,
    rights=(*APPLY_RIGHTS, *POD_RIGHTS),
    family=Family.MANIFESTS,
    example="""
        variables:
        - {name: version, type: string, default: "1.1"}
        nodes:
        - name: deploy
          action: deploy-application
          with:
            name: web
            images: {main: "registry.example/web:$[[ vars.version ]]"}
            timeout: 10m
        - name: rollback
          action: rollback-deployment
          with: {name: web}
        - name: rolled_back
          fail: "$[[ nodes.deploy.message ]]"
        edges:
        - {from: deploy, to: rollback, outcome: Failed}
        - {from: rollback, to: rolled_back}
    """,
)
