"""Executions that were restored from a backup: they never run again, whatever the backup holds.

A restored object has a new uid, and the API server drops its status on creation. So without a mark
it looks like an execution that was just created.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.engine.lifecycle.admission import Refusal
from orchestrator.engine.times import from_rfc3339
from orchestrator.models.execution import ExecutionPhase
from orchestrator.models.labels import RESTORED_FROM
from orchestrator.models.reasons import Reason

RESTORE_TIMEOUT = 60.0
"""Seconds after its creation within which a restore may still write the status of an execution."""
VELERO = "velero.io/restore-name"
"""Label of everything that Velero restores (https://velero.io/docs/main/restore-reference/).

It counts only while there is no status: Velero can be configured to add it to objects that exist.
"""
MESSAGE = "restored from a backup in which it had not ended: nothing of it runs again"

Raw = Mapping[str, Any]


def is_restored(execution: Raw) -> bool:
    """Whether an execution that has not ended was restored from a backup."""
    labels = execution["metadata"].get("labels") or {}
    return RESTORED_FROM in labels or (VELERO in labels and not execution.get("status"))


def seconds_to_end(execution: Raw, now: float) -> float:
    """How long the status of a restored execution may still be written; 0 once that is over."""
    created = from_rfc3339(execution["metadata"]["creationTimestamp"])
    return max(0.0, created + RESTORE_TIMEOUT - now)


def restored() -> Refusal:
    """Ends a restored execution that no restore has ended."""
    return Refusal(Reason.RESTORED, MESSAGE, ExecutionPhase.CANCELLED)
