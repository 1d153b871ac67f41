"""What is said of a Trigger: whether it can start executions."""

from __future__ import annotations

from typing import Any

from orchestrator.engine.definitions import definition_conditions, judge_trigger
from orchestrator.kube.cache import Raw


def trigger_status(raw: Raw, now: float) -> dict[str, Any]:
    """What the status of a Trigger should be."""
    generation = raw["metadata"]["generation"]
    old = (raw.get("status") or {}).get("conditions") or []
    verdict = judge_trigger(raw.get("spec") or {})
    return {
        "observedGeneration": generation,
        "conditions": definition_conditions(verdict, generation, now, old),
    }
