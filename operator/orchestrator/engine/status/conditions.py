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


def execution_conditions(
    phase: ExecutionPhase,
    reason: str,
    message: str,
    generation: int,
    now: float,
    old: Sequence[Mapping[str, Any]] = (),
) -> list[dict[str, Any]]:
    """Ready, Reconciling, Stalled and Finished of an execution in this phase."""
    succeeded = phase is ExecutionPhase.SUCCEEDED
    states = {
        "Ready": succeeded,
        "Reconciling": not phase.terminal,
        "Stalled": phase.terminal and not succeeded,
        "Finished": phase.terminal,
    }
    return [
        condition(kind, holds, reason, message, generation, now, old)
        for kind, holds in states.items()
    ]


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
