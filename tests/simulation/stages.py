"""The stages in which a kubelet reports the end of a pod: its containers, then its phase."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from orchestrator.engine.times import from_rfc3339
from orchestrator.jobs.evidence import action_status, terminated
from tests.simulation.views import Raw

NEVER = float("inf")


@dataclass(frozen=True)
class Outcome:
    """How a pod ends, and after how many seconds of running."""

    kind: str = "success"
    """success, failure (exit code 1), permanent (64), disrupted, hang, or stuck: never starts."""
    seconds: float = 1.0
    value: int = 0
    code: int = 1
    """The exit code of a failure."""


@dataclass(frozen=True)
class Stages:
    """How a kubelet shows the end of pods."""

    seconds: float = 0.0
    """From the end of all containers to that of the pod; 0: both in one write."""
    injected: Callable[[str, str], float | None] = lambda *_: None
    """(execution, node) → seconds that an injected container goes on after the action, or None
    where there is none."""


AT_ONCE = Stages()
_SIGTERM = 143
_CODES = {"success": 0, "permanent": 64, "deleted": _SIGTERM}
_DISRUPTED = [{"type": "DisruptionTarget", "status": "True"}]


def last_status(
    pod: Raw, outcome: Outcome, now: str, *, at_once: bool = False, injected: bool = False
) -> Raw:
    """What of a pod's status changes when its action ends."""
    code = _CODES.get(outcome.kind, outcome.code)
    if not at_once and (outcome.kind == "hang" or _by_kubelet(outcome)):
        code = _SIGTERM
    said = f'{{"value": {outcome.value}}}' if code == 0 else ""
    action = {
        "exitCode": code, "message": said, "finishedAt": now,
        "startedAt": None if is_stuck(pod) else pod["status"].get("startTime"),
    }  # fmt: skip
    fields: dict[str, Any] = {
        "containerStatuses": [{"name": "action", "state": {"terminated": action}}]
    }
    if injected:
        fields["containerStatuses"].insert(0, {"name": "a-proxy", "state": {"running": {}}})
    if outcome.kind == "disrupted" and not _by_kubelet(outcome):
        fields["conditions"] = _DISRUPTED  # an eviction says so before it ends the pod
    if at_once:
        fields |= _end(outcome, code)
    return fields


def stuck_status(now: str) -> Raw:
    """The status of a pod whose image cannot be pulled."""
    waiting = {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}
    action = {"name": "action", "image": "task:1", "state": {"waiting": waiting}}
    return {"phase": "Pending", "startTime": now, "containerStatuses": [action]}


def is_stuck(pod: Raw) -> bool:
    """Whether the pod's action has not started."""
    return "waiting" in action_status(pod).get("state", {})


def final_status(pod: Raw, outcome: Outcome, now: float) -> Raw:
    """What of its status changes when its phase does."""
    fields: dict[str, Any] = _end(outcome, terminated(pod).get("exitCode", 0))
    if left(pod, now) <= 0:  # whatever the containers came to
        fields |= {"phase": "Failed", "reason": "DeadlineExceeded"}
    fields["containerStatuses"] = [
        {**each, "state": {"terminated": {"exitCode": 137, "message": '{"value": -1}'}}}
        if "running" in each["state"]
        else each
        for each in pod["status"]["containerStatuses"]
    ]
    return fields


def left(pod: Raw, now: float) -> float:
    """Seconds until the pod's deadline; it counts from when the kubelet took the pod."""
    started = pod["status"].get("startTime")
    limit: float = pod["spec"]["activeDeadlineSeconds"]
    return (from_rfc3339(started) if started else now) + limit - now


def _end(outcome: Outcome, code: int) -> Raw:
    fields: dict[str, Any] = {"phase": "Failed" if code else "Succeeded"}
    if outcome.kind == "hang":
        fields["reason"] = "DeadlineExceeded"
    if outcome.kind == "disrupted":
        fields["conditions"] = _DISRUPTED
    return fields


def _by_kubelet(outcome: Outcome) -> bool:
    """Whether the node itself disrupts the pod: it says so with the phase, and not before."""
    return outcome.kind == "disrupted" and outcome.value % 2 == 0
