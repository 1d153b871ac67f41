"""The status of Incidents: each change of the spec is appended to the timeline."""

from __future__ import annotations

from typing import Any

from orchestrator.engine.lifecycle.admission import words
from orchestrator.engine.status.definitions import Verdict, definition_conditions
from orchestrator.engine.status.timeline import extend
from orchestrator.kube.cache import Raw
from orchestrator.models.incident import IncidentSpec, IncidentStatus
from orchestrator.models.reasons import Reason
from orchestrator.validation.parse import parse


def incident_status(raw: Raw, now: float) -> dict[str, Any]:
    """The desired status of an Incident; the timeline is unchanged if the spec is already
    recorded."""
    generation = raw["metadata"]["generation"]
    old = (raw.get("status") or {}).get("conditions") or []
    spec = parse(IncidentSpec, raw.get("spec") or {})
    if not isinstance(spec, IncidentSpec):
        verdict = Verdict(False, Reason.INVALID_SPEC, words(spec))
        return {
            "observedGeneration": generation,
            "conditions": definition_conditions(verdict, generation, now, old),
        }
    before = _before(raw)
    status: dict[str, Any] = {
        "observedGeneration": generation,
        "conditions": definition_conditions(
            Verdict(True, Reason.VALID, "its changes are recorded"), generation, now, old
        ),
    }
    if before.observed != spec:
        timeline = extend(before.timeline, before.observed, spec, now)
        status["timeline"] = [entry.model_dump(mode="json", by_alias=True) for entry in timeline]
        status["observed"] = spec.model_dump(mode="json", by_alias=True)
    return status


def _before(raw: Raw) -> IncidentStatus:
    stored = {key: (raw.get("status") or {}).get(key) for key in ("timeline", "observed")}
    try:
        return IncidentStatus.model_validate({key: value for key, value in stored.items() if value})
    except ValueError:  # written by another release: start over
        return IncidentStatus()
