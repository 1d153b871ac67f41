"""set-image: change the images of a workload's containers."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from orchestrator.actions.action import Action, Context, Family, Outputs, Right
from orchestrator.actions.cluster import classify
from orchestrator.actions.kubernetes.images import Images, images_of, set_images
from orchestrator.actions.kubernetes.targets import OnWorkload
from orchestrator.actions.kubernetes.workloads import (
    RESOURCES,
    WorkloadKind,
    observed_deployment,
    revision,
)


class SetImage(OnWorkload):
    """Parameters of set-image."""

    images: Annotated[Images, Field(min_length=1, max_length=64)]
    """Image by name of the container, init containers included; `*` stands for all others."""


class ImagesSet(Outputs):
    """Outputs of set-image."""

    bulky = ("from_images", "to_images")

    changed: bool
    """Whether an image was changed; false if all were already as given."""
    from_images: dict[str, str] = {}
    """Image by container before the change."""
    to_images: dict[str, str] = {}
    """Image by container after it."""
    revision: int | None = None
    """The new revision (Deployments only)."""
    repeated: bool = False
    """Whether an earlier attempt had already changed them."""
    truncated: bool = False
    """Whether an output was truncated."""


def set_image(parameters: SetImage, context: Context) -> ImagesSet:
    """Changes the images of a workload's containers, as kubectl set image does. It does not wait
    for the rollout: rollout-status does."""
    cluster, namespace = context.cluster(), parameters.in_namespace(context)
    target = (parameters.kind, namespace, parameters.name)
    workload, before, repeated = set_images(cluster, context, target, parameters.images)
    after = images_of(workload)
    if parameters.kind is WorkloadKind.DEPLOYMENT:
        workload = observed_deployment(cluster, namespace, parameters.name, context.clock)
    return ImagesSet(
        changed=repeated or before != after,
        from_images=before,
        to_images=after,
        revision=revision(workload),
        repeated=repeated,
    )


ACTION = Action(
    name="set-image",
    title="Set images",
    category="kubernetes",
    icon="package",
    parameters=SetImage,
    outputs=ImagesSet,
    run=set_image,
    retries=(
        "Retried: no response, throttling, failures of the API server, a workload that others keep "
        "changing. Not retried: a workload or a container that does not exist, missing "
        "permissions. An annotation of the workload records the change, so that a retry neither "
        "overrides a later change nor forgets the images before."
    ),
    classify=classify,
    rights=tuple(
        Right(
            resource,
            {
                "get": "read the images before the change",
                "patch": "set the images",
            },
        )
        for resource in RESOURCES.values()
    ),
    family=Family.ROLLOUTS,
    example="""
        variables:
        - {name: version, type: string, default: "1.1"}
        nodes:
        - name: deploy
          action: set-image
          with:
            name: web
            images: {main: "registry.example/web:$[[ vars.version ]]"}
        - name: wait
          action: rollout-status
          with: {name: web, timeout: 10m}
        edges:
        - {from: deploy, to: wait}
    """,
)
