"""The images of a workload's containers, and the write that changes them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from orchestrator.actions.action import ActionError, Context
from orchestrator.actions.cluster import Object, annotations_of, guarded
from orchestrator.actions.kubernetes.workloads import RESOURCES
from orchestrator.models.labels import IMAGES

if TYPE_CHECKING:
    from orchestrator.kube.blocking import BlockingClient

EVERY_CONTAINER = "*"
"""In place of a container's name: all of them, as kubectl set image has it."""
_LISTS = ("initContainers", "containers")

Image = Annotated[str, Field(min_length=1, max_length=1024, pattern=r"^\S+$")]
Images = dict[Annotated[str, Field(min_length=1, max_length=63)], Image]


def images_of(workload: Object) -> dict[str, str]:
    """Image by container of a workload's pod template, init containers included."""
    pod = workload["spec"]["template"]["spec"]
    return {each["name"]: each.get("image", "") for name in _LISTS for each in pod.get(name) or []}


def earlier_images(workload: Object, key: str) -> dict[str, str] | None:
    """The images before the change that an earlier attempt of this node made; None without one."""
    try:
        mark = json.loads(annotations_of(workload).get(IMAGES, "{}"))
        return {**mark["from"]} if mark["key"] == key else None
    except (ValueError, TypeError, KeyError):
        return None  # absent, or not written by us


def mark_of(key: str, before: Mapping[str, str]) -> dict[str, str]:
    """The annotation that records a change of images."""
    return {IMAGES: json.dumps({"key": key, "from": before}, separators=(",", ":"))}


def set_images(
    cluster: BlockingClient,
    context: Context,
    target: tuple[str, str, str],
    images: Mapping[str, str],
) -> tuple[Object, dict[str, str], bool]:
    """Set images on the workload of that kind, namespace and name.

    Returns the workload, its images before this node's change, and whether an earlier attempt made
    that change. Raises ActionError, permanent, for a container that the workload does not have.
    """
    kind, namespace, name = target
    key, shown = context.identity.key, f"{kind} {namespace}/{name}"
    before: dict[str, str] = {}

    def patch(workload: Object) -> Object | None:
        nonlocal before
        if (earlier := earlier_images(workload, key)) is not None:
            before = earlier
            return None
        before = images_of(workload)
        wanted = _wanted(before, images, shown)
        return _patch(workload, wanted, mark_of(key, before)) if wanted != before else None

    workload, written = guarded(cluster, RESOURCES[kind], namespace, name, patch)
    repeated = not written and earlier_images(workload, key) is not None
    if repeated:
        context.log(f"the images of {shown} were set by an earlier attempt")
    elif not written:
        context.log(f"{shown} already has these images")
    for container, image in images_of(workload).items() if written else ():
        if image != before[container]:
            context.log(f"{shown}: {container} from {before[container]} to {image}")
    return workload, before, repeated


def _wanted(before: Mapping[str, str], images: Mapping[str, str], shown: str) -> dict[str, str]:
    """The images that the workload's containers are to have."""
    unknown = sorted(images.keys() - before.keys() - {EVERY_CONTAINER})
    if unknown:
        known = ", ".join(before)
        raise ActionError(f"{shown} has no container {unknown[0]}; it has {known}", permanent=True)
    default = images.get(EVERY_CONTAINER)
    return {name: images.get(name, default or image) for name, image in before.items()}


def _patch(workload: Object, images: Mapping[str, str], mark: Object) -> Object:
    pod = workload["spec"]["template"]["spec"]
    lists: dict[str, Any] = {
        name: [{**each, "image": images[each["name"]]} for each in pod[name]]
        for name in _LISTS
        if pod.get(name)
    }
    return {
        "metadata": {"annotations": mark},
        "spec": {"template": {"spec": lists}},
    }
