"""Why a pod that has not started is waiting, in words for who is on call.

None of these ends the attempt: a Secret may still be made, an image still be pushed, a machine
still be added. The node's timeout decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.engine import reasons

_IMAGE = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "ErrImageNeverPull",
        "ImageInspectError",
        "RegistryUnavailable",
    }
)
_CONFIG = "CreateContainerConfigError"


def why_waiting(pod: Mapping[str, Any]) -> tuple[str, str]:
    """A reason of engine/reasons.py and a sentence; both empty when nothing is wrong."""
    status = pod.get("status") or {}
    for container in status.get("containerStatuses") or ():
        waiting = (container.get("state") or {}).get("waiting") or {}
        reason, message = waiting.get("reason", ""), waiting.get("message", "")
        if reason in _IMAGE:
            image = container.get("image", "")
            return reasons.IMAGE_PULL, f"image {image} cannot be pulled: {message or reason}"
        if reason == _CONFIG:
            return reasons.SECRET_MISSING, f"the container cannot start: {message}"
        if reason.startswith(("Create", "Run")) and reason.endswith("Error"):
            return reason, f"the container cannot start: {message}"
    for condition in status.get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return (
                reasons.UNSCHEDULABLE,
                f"no machine takes the pod: {condition.get('message', '')}",
            )
    return "", ""
