"""The status of Templates and ClusterTemplates, computed when they change."""

from __future__ import annotations

from typing import Any

from orchestrator.engine.status.definitions import definition_conditions, judge_template
from orchestrator.kube.cache import Raw


def template_status(raw: Raw, now: float) -> dict[str, Any]:
    """The desired status of a Template or ClusterTemplate."""
    generation = raw["metadata"]["generation"]
    old = (raw.get("status") or {}).get("conditions") or []
    verdict = judge_template(raw.get("spec") or {})
    return {
        "observedGeneration": generation,
        "conditions": definition_conditions(verdict, generation, now, old),
    }
