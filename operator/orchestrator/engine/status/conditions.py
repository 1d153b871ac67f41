"""Conditions in the terms of kstatus, as `kubectl wait` and GitOps tools expect them.

https://github.com/kubernetes-sigs/cli-utils/tree/master/pkg/kstatus: Reconciling while in progress,
Stalled if it will not progress, Ready when done.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.engine.times import to_rfc3339
from orchestrator.models.execution import ExecutionPhase
from orchestrator.models.plain_text import plain_text
from orchestrator.models.reasons import Reason

RECORDED = Reason.RECORDED.value
"""The condition by which the recorder of the history reports that it has stored an execution."""


def execution_conditions(
    phase: ExecutionPhase,
    reason: str,
    message: str,
    generation: int,
    now: float,
    old: Sequence[Mapping[str, Any]] = (),
) -> list[dict[str, Any]]:
    """Ready, Reconciling, Stalled and Finished of an execution in this phase.

    Conditions of other types belong to others, such as Recorded to the history; they are kept.
    """
    succeeded = phase is ExecutionPhase.SUCCEEDED
    states = {
        "Ready": succeeded,
        "Reconciling": not phase.terminal,
        "Stalled": phase.terminal and not succeeded,
        "Finished": phase.terminal,
    }
    ours = [
        condition(kind, holds, reason, message, generation, now, old)
        for kind, holds in states.items()
    ]
    return [*ours, *(dict(each) for each in old if each.get("type") not in states)]


def condition(
    kind: str,
    holds: bool,
    reason: str,
    message: str,
    generation: int,
    now: float,
    old: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """One condition; the transition time is kept if its status did not change."""
    status = "True" if holds else "False"
    before = next((item for item in old if item.get("type") == kind), None)
    same = before is not None and before.get("status") == status
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": plain_text(message),
        "observedGeneration": generation,
        "lastTransitionTime": before["lastTransitionTime"] if same and before else to_rfc3339(now),
    }


def is_recorded(status: Mapping[str, Any]) -> bool:
    """Whether the history has the execution of this status."""
    return any(
        each.get("type") == RECORDED and each.get("status") == "True"
        for each in status.get("conditions") or ()
    )


def with_recorded(
    conditions: Sequence[Mapping[str, Any]], generation: int, now: float
) -> list[Mapping[str, Any]]:
    """The conditions of an ended execution once the history has it; the others stay as they are."""
    others = [each for each in conditions if each.get("type") != RECORDED]
    words = "the history has the execution as it ended"
    return [
        *others, condition(RECORDED, True, Reason.RECORDED, words, generation, now, conditions)
    ]  # fmt: skip


def without_recorded(conditions: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The conditions of an execution that is created again and that the history may not have."""
    return [each for each in conditions if each.get("type") != RECORDED]
