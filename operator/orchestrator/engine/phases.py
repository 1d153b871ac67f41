"""The phase of an execution as its object reports it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.models.execution import ExecutionPhase


def is_over(execution: Mapping[str, Any]) -> bool:
    """Whether its phase is final."""
    phase: str | None = (execution.get("status") or {}).get("phase")
    return ExecutionPhase(phase).terminal if phase else False
