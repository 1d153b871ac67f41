"""Evidence from a pod: the end of its container `action`, and of no other.

A real kubelet reports the end of a container in the pod's status about a second before the pod's
phase changes, and injected containers may keep the phase from ever changing. A container of a pod
with restartPolicy Never does not start again, so its end is final and needs neither the phase nor
the Job's condition.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from orchestrator.engine.times import optional_from_rfc3339

Raw = Mapping[str, Any]
Pod = TypeVar("Pod", bound=Raw)
ACTION = "action"
"""The name of the only container that we define; all others were injected."""
ENDED_PHASES = ("Succeeded", "Failed")
_SIGNALLED = (137, 143)
"""Exit codes of SIGKILL and SIGTERM, with which a kubelet ends evicted pods."""


def phase_of(pod: Raw) -> str:
    """The pod's phase."""
    phase: str = (pod.get("status") or {}).get("phase", "")
    return phase


def controller_of(pod: Raw) -> str:
    """The uid of the pod's controlling owner; empty if nothing controls it."""
    for owner in pod["metadata"].get("ownerReferences") or ():
        if owner.get("controller"):
            uid: str = owner.get("uid", "")
            return uid
    return ""


def controlled(pods: Sequence[Pod], job_uid: str) -> list[Pod]:
    """The pods that the Job with this uid controls; none if the uid is unknown, and so empty.

    Labels prove nothing: anyone may set them.
    """
    return [pod for pod in pods if job_uid and controller_of(pod) == job_uid]


def action_status(pod: Raw | None) -> Raw:
    """The status of the container `action`; empty if there is none."""
    for status in ((pod or {}).get("status") or {}).get("containerStatuses") or ():
        if status.get("name") == ACTION:
            found: Raw = status
            return found
    return {}


def terminated(pod: Raw | None) -> Raw:
    """How the container `action` ended; empty if it has not."""
    ended: Raw = (action_status(pod).get("state") or {}).get("terminated") or {}
    return ended


def has_ended(pod: Raw) -> bool:
    """Whether the pod shows an end: that of its action, or its own."""
    return phase_of(pod) in ENDED_PHASES or bool(terminated(pod))


def has_begun(pod: Raw) -> bool:
    """Whether the container `action` has started, whatever holds up the rest of the pod."""
    state = action_status(pod).get("state") or {}
    ran = "running" in state or bool(terminated(pod).get("startedAt"))
    return ran or phase_of(pod) == "Running"


def was_cut(pod: Raw) -> bool:
    """Whether the action ended at or after the deadline of its pod, which then ended it.

    The deadline may have been lowered to stop the pod: an earlier end was not caused by it. In
    whole seconds, as in the API, so an action that ends by itself within the second of its deadline
    counts as cut until the pod's phase says otherwise.
    """
    spare = _spare_seconds(pod)
    return spare is not None and spare <= 0


def kept_deadline(pod: Raw) -> bool:
    """Whether the action certainly ended before the deadline of its pod."""
    spare = _spare_seconds(pod)
    return spare is not None and spare > 0


def _spare_seconds(pod: Raw) -> float | None:
    """Seconds from the action's end to its pod's deadline; None if the pod has none."""
    began = optional_from_rfc3339((pod.get("status") or {}).get("startTime"))
    ended = optional_from_rfc3339(terminated(pod).get("finishedAt"))
    seconds: float | None = (pod.get("spec") or {}).get("activeDeadlineSeconds")
    if began is None or ended is None or seconds is None:
        return None
    return began + seconds - ended


def has_succeeded(pod: Raw) -> bool:
    """Whether the action succeeded, whatever happens to the rest of its pod.

    An action that handles the SIGTERM of its deadline and exits with 0 was cut short all the same,
    unless the pod's phase says that it was not.
    """
    ended = terminated(pod)
    if not ended or ended.get("exitCode") != 0:
        return False
    if not was_cut(pod) or phase_of(pod) == "Succeeded":
        return True
    reason = (pod.get("status") or {}).get("reason")
    return phase_of(pod) == "Failed" and reason != "DeadlineExceeded"


def failed_by_itself(pod: Raw) -> bool:
    """Whether the action failed by itself: nothing that Kubernetes does to a pod (its deadline, an
    eviction, a deletion) explains it."""
    ended = terminated(pod)
    if not ended or ended.get("exitCode") == 0 or was_cut(pod) or is_disturbed(pod):
        return False
    return not was_signalled(ended)


def was_signalled(ended: Raw) -> bool:
    """Whether the container was ended from outside, judging by its exit code."""
    return ended.get("exitCode") in _SIGNALLED and ended.get("reason") != "OOMKilled"


def is_disturbed(pod: Raw) -> bool:
    """Whether Kubernetes or a user is ending the pod: only the Job's verdict says which."""
    return "deletionTimestamp" in pod["metadata"] or disruption_of(pod) is not None


def disruption_of(pod: Raw | None) -> Raw | None:
    """The pod's condition that says that Kubernetes ended it, if there is one."""
    for condition in ((pod or {}).get("status") or {}).get("conditions") or ():
        if condition.get("type") == "DisruptionTarget" and condition.get("status") == "True":
            found: Raw = condition
            return found
    return None


def left_running(pod: Raw) -> list[str]:
    """The injected containers that are running or still to start though the action has ended.

    Not those that the kubelet ends by itself: sidecars among the init containers.
    """
    if not terminated(pod) or phase_of(pod) in ENDED_PHASES:
        return []
    return [
        status.get("name", "")
        for status in (pod.get("status") or {}).get("containerStatuses") or ()
        if status.get("name") != ACTION and not (status.get("state") or {}).get("terminated")
    ]


def last_second(pod: Raw) -> int:
    """The lowest deadline of the pod, in seconds from its start, that its action has met."""
    began = optional_from_rfc3339((pod.get("status") or {}).get("startTime"))
    ended = optional_from_rfc3339(terminated(pod).get("finishedAt"))
    if began is None or ended is None:
        return 1
    return max(1, int(ended - began) + 1)
