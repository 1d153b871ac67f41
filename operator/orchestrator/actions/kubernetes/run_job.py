"""run-job: run a Job from a manifest or of a CronJob, wait for its end and read its log."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, model_validator

from orchestrator.actions.action import Action, ActionError, Context, Family, Outputs, Right
from orchestrator.actions.cluster import Object, classify
from orchestrator.actions.kubernetes.jobs import JobWait, ended_log, wait_for_job
from orchestrator.actions.kubernetes.targets import InNamespace, Name
from orchestrator.kube.errors import ApiError
from orchestrator.kube.resources import CRON_JOBS, EXECUTIONS, JOBS, PODS
from orchestrator.models.base import Duration, parse_duration
from orchestrator.models.labels import RUN_JOB

if TYPE_CHECKING:
    from orchestrator.kube.blocking import BlockingClient

MAX_NAME = 40
"""Characters of the given name in the Job's; a Job's name has at most 63."""
INSTANTIATED = {"cronjob.kubernetes.io/instantiate": "manual"}
"""Annotation that kubectl create job --from sets."""


class RunJob(InNamespace):
    """Parameters of run-job."""

    manifest: dict[str, Any] | None = None
    """The Job as a manifest; give either this or cronJob. A suffix is added to its name."""
    cron_job: Name = ""
    """Name of the CronJob whose Job is run."""
    lines: Annotated[int, Field(ge=0, le=10_000)] = 50
    """Maximum number of lines of the log that are read from the end of the newest pod."""
    timeout: Duration = "1h"
    """Maximum time to wait for the end of the Job; a Job that is still running is then deleted."""
    pod_failure_timeout: Duration = "5m"
    """How long pods may fail to start for the same reason (image pull, configuration) before the
    Job is deleted."""
    keep: Duration = "1h"
    """How long the Job is kept after its end, unless its manifest has ttlSecondsAfterFinished."""

    @model_validator(mode="after")
    def _one(self) -> RunJob:
        if bool(self.manifest) == bool(self.cron_job):
            raise ValueError("give either manifest or cronJob")
        if self.manifest and not isinstance(self.manifest.get("spec"), dict):
            raise ValueError("manifest has no spec")
        return self


class JobRun(Outputs):
    """Outputs of run-job."""

    bulky = ("log",)
    keep_end = frozenset({"log"})

    job: str
    """Name of the Job."""
    succeeded: int
    """Number of pods that succeeded."""
    failed: int
    """Number of pods that failed."""
    log: str
    """The end of the log of the newest pod; the node's own log has all lines that were read."""
    repeated: bool = False
    """Whether an earlier attempt had started the Job."""
    duration_seconds: int
    """Time waited, in seconds."""
    truncated: bool = False
    """Whether an output was truncated."""


def run_job(parameters: RunJob, context: Context) -> JobRun:
    """Runs a Job from a manifest, or the Job of a CronJob, waits for its end and reads its log. The
    Job belongs to the execution; if the action is cancelled, the Job is deleted."""
    cluster, namespace = context.cluster(), parameters.in_namespace(context)
    job, repeated = _started(cluster, namespace, parameters, context)
    wait = JobWait(namespace, job, parameters.timeout, parameters.pod_failure_timeout)
    try:
        ended, waited = wait_for_job(cluster, context, wait)
    except (ActionError, SystemExit):  # a timeout, pods that do not start, SIGTERM
        _remove(cluster, namespace, job)
        context.log(f"{wait.shown} is deleted")
        raise
    text = ended_log(cluster, namespace, ended, parameters.lines) if parameters.lines else ""
    for line in text.splitlines():
        context.log(line)
    _check(wait.shown, ended, text)
    status = ended.get("status", {})
    return JobRun(
        job=str(ended["metadata"]["name"]),
        succeeded=status.get("succeeded", 0),
        failed=status.get("failed", 0),
        log=text,
        repeated=repeated,
        duration_seconds=waited,
    )


def _started(
    cluster: BlockingClient, namespace: str, parameters: RunJob, context: Context
) -> tuple[Object, bool]:
    """The Job of this node: that of an earlier attempt unless it has failed, or a new one."""
    digest = hashlib.sha256(context.identity.key.encode()).hexdigest()
    found = cluster.list(JOBS, namespace, label_selector=f"{RUN_JOB}={digest[:32]}")
    there = [each for each in found if not each["metadata"].get("deletionTimestamp")]
    for each in there:
        if not _failed(each):
            shown = f"Job {namespace}/{each['metadata']['name']}"
            context.log(f"{shown} was started by an earlier attempt")
            return each, True
    source = _source(cluster, namespace, parameters)
    body = _job(source, digest, len(found) + 1, parameters)
    identity = context.identity
    if identity.execution and namespace == identity.namespace:
        body["metadata"]["ownerReferences"] = [
            {
                "apiVersion": EXECUTIONS.api_version,
                "kind": EXECUTIONS.kind,
                "name": identity.execution,
                "uid": identity.uid,
            }
        ]
    job = cluster.create(JOBS, namespace, body)
    context.log(f"Job {namespace}/{job['metadata']['name']} is started")
    return job, False


def _source(cluster: BlockingClient, namespace: str, parameters: RunJob) -> Object:
    """Name, labels, annotations and spec of the Job to run."""
    if parameters.manifest:
        return parameters.manifest
    cron = cluster.get(CRON_JOBS, namespace, parameters.cron_job)
    template = cron["spec"]["jobTemplate"]
    metadata = {**template.get("metadata", {}), "name": parameters.cron_job}
    metadata["annotations"] = {**(metadata.get("annotations") or {}), **INSTANTIATED}
    return {"metadata": metadata, "spec": template["spec"]}


def _job(source: Object, digest: str, number: int, parameters: RunJob) -> Object:
    metadata = source.get("metadata") or {}
    base = str(metadata.get("name") or "job")[:MAX_NAME].rstrip("-.")
    spec = dict(source["spec"])
    spec.setdefault("ttlSecondsAfterFinished", round(parse_duration(parameters.keep)))
    return {
        "apiVersion": JOBS.api_version,
        "kind": JOBS.kind,
        "metadata": {
            "name": f"{base}-{digest[:10]}-{number}",
            "labels": {**(metadata.get("labels") or {}), RUN_JOB: digest[:32]},
            "annotations": metadata.get("annotations") or {},
        },
        "spec": spec,
    }


def _failed(job: Object) -> Object | None:
    """The condition by which a Job has failed; None if it has not."""
    conditions: list[Object] = job.get("status", {}).get("conditions", [])
    for each in conditions:
        if each["type"] in ("Failed", "FailureTarget") and each["status"] == "True":
            return each
    return None


def _check(shown: str, job: Object, log: str) -> None:
    """Raises ActionError for a Job that has failed."""
    if (condition := _failed(job)) is None:
        return
    last = log.strip().rpartition("\n")[2]
    words = ": ".join(filter(None, (condition.get("reason"), condition.get("message"), last)))
    raise ActionError(f"{shown} failed: {words}")


def _remove(cluster: BlockingClient, namespace: str, job: Object) -> None:
    metadata = job["metadata"]
    options = {"propagationPolicy": "Background", "preconditions": {"uid": metadata["uid"]}}
    try:
        cluster.delete(JOBS, namespace, metadata["name"], options)
    except ApiError as error:
        if error.status not in (404, 409):  # gone
            raise


ACTION = Action(
    name="run-job",
    title="Run a Job",
    category="kubernetes",
    icon="play",
    parameters=RunJob,
    outputs=JobRun,
    run=run_job,
    retries=(
        "Retried: a Job that failed or did not end within the timeout, no response, throttling, "
        "failures of the API server. Not retried: a manifest that the API server refuses, a "
        "CronJob that does not exist, pods that cannot start, missing permissions. A label of the "
        "Job holds the idempotency key: a retry waits for the Job of an earlier attempt that runs "
        "or has succeeded, and starts another one only after that has failed."
    ),
    classify=classify,
    rights=(
        Right(
            JOBS,
            {
                "list": "find the Job of an earlier attempt",
                "create": "start the Job",
                "get": "read whether the Job has ended",
                "delete": "stop the Job after the timeout, or when the action is cancelled",
            },
        ),
        Right(CRON_JOBS, {"get": "read the Job of the CronJob"}),
        Right(PODS, {"list": "find the pods of the Job"}),
        Right(PODS, {"get": "read the log of the Job"}, subresource="log"),
    ),
    family=Family.JOBS,
    example="""
        nodes:
        - name: migrate
          action: run-job
          with: {cronJob: migrate, timeout: 15m}
    """,
)
