"""The steps that stop an attempt, as values.

A Job's own deadline and its suspension make the Job controller delete running pods, and their logs
with them. Lowering the deadline of a running pod makes the kubelet end it, with SIGTERM and the
pod's grace period, and keeps pod and log.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from orchestrator.jobs.evidence import ENDED_PHASES, has_ended, last_second, phase_of

_AT_ONCE = {"spec": {"activeDeadlineSeconds": 1}}


@dataclass(frozen=True, slots=True)
class PatchPod:
    """Merge-patch a pod."""

    name: str
    patch: Mapping[str, Any] = field(default_factory=lambda: _AT_ONCE)


@dataclass(frozen=True, slots=True)
class PatchJob:
    """Merge-patch the Job."""

    name: str
    patch: Mapping[str, Any] = field(default_factory=lambda: _AT_ONCE)


@dataclass(frozen=True, slots=True)
class DeletePod:
    """Delete a pod, after this many seconds of grace."""

    name: str
    grace_period: int = 0


Step = PatchPod | PatchJob | DeletePod


def plan_stop(
    job: str, pods: Sequence[Mapping[str, Any]], *, force: bool, whole: bool = False
) -> list[Step]:
    """The steps, in order. `pods` are all pods of the Job, read live; for a fan-out, those that
    have not ended, and only if they are stopped by force.

    A fan-out (`whole`) would start further items if single pods ended, so its Job is stopped;
    Kubernetes then ends its pods with their grace period, and deletes them. A pod whose action has
    ended needs no gentle stop: a lowered deadline would put the action's own end in doubt.
    """
    if force:
        active = [pod for pod in pods if phase_of(pod) not in ENDED_PHASES]
        deletions: list[Step] = [DeletePod(pod["metadata"]["name"]) for pod in active]
        return [PatchJob(job), *deletions]
    if whole:
        return [PatchJob(job)]
    active = [pod for pod in pods if not has_ended(pod)]
    if pods and not active:
        return []
    on_a_machine = [pod for pod in active if pod.get("spec", {}).get("nodeName")]
    if on_a_machine and len(on_a_machine) == len(active):
        return [PatchPod(pod["metadata"]["name"]) for pod in on_a_machine]
    return [PatchJob(job)]


def stop_rest(pod: Mapping[str, Any]) -> PatchPod:
    """Stop the other containers of a pod whose action has ended.

    The action met the new deadline, so its end still counts as its own.
    """
    deadline = {"spec": {"activeDeadlineSeconds": last_second(pod)}}
    return PatchPod(pod["metadata"]["name"], deadline)
