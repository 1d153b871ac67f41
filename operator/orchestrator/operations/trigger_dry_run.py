"""What a Trigger would do with an event, without doing it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.models.nearest import did_you_mean
from orchestrator.models.structural import structural
from orchestrator.operations.errors import CommandError, invalid
from orchestrator.operations.trigger import called
from orchestrator.operations.writes import Raw
from orchestrator.triggers.plan import Failed, PlannedExecution, plan
from orchestrator.triggers.readiness import obstacle
from orchestrator.triggers.registry import Trigger
from orchestrator.triggers.sources import Event
from orchestrator.validation.problem import Problem
from orchestrator.validation.starting import refused_variables


@dataclass(frozen=True, slots=True)
class TriggerDryRun:
    """What a Trigger would do with an event."""

    fires: bool
    """Whether it would start an execution."""
    why: str
    """Why it would not; empty if it would."""
    name: str
    """The name of the execution; empty for a Trigger that is not on the cluster."""
    variables: Mapping[str, Any]
    """The variables of the execution."""


def event_from(read: Trigger, data: Mapping[str, Any], at: float) -> Event:
    """The event with this data, of which fields may be missing.

    Raises CommandError for a field that the type's events do not have.
    """
    fields = list(structural(read.type.event)["properties"])
    odd = [
        Problem(f"event.{key}", f"an event has no field {key!r}{did_you_mean(key, fields)}")
        for key in data
        if key not in fields
    ]
    if odd:
        raise CommandError(*odd, fix=f"one of {read.type.key} has {', '.join(fields)}")
    return Event(read.type.key, "by hand", data, at)


def dry_run_event(
    trigger: Raw,
    read: Trigger,
    event: Event,
    workflow: Mapping[str, Any] | None,
    names: Collection[str] | None,
) -> TriggerDryRun:
    """What the Trigger would do with the event.

    `workflow` is the spec of its Workflow, None if it does not exist; `names` are those of the
    Workflows that exist, None if they are unknown and the Workflow is not checked.
    Limits that depend on earlier executions, `dedupe` and `rateLimit`, are not applied. Raises
    CommandError if an expression of the Trigger cannot be computed for the event.
    """
    metadata = trigger["metadata"]
    planned = plan({"uid": "", **metadata}, read.spec, event)
    if isinstance(planned, Failed):
        raise invalid("spec", f"{called(trigger)}: {planned.message}")
    if not isinstance(planned, PlannedExecution):
        return TriggerDryRun(False, "spec.filter does not hold for this event", "", {})
    why = ""
    if read.spec.suspend:
        why = "it is suspended"
    elif workflow is None and names is None:
        pass
    elif found := obstacle(read.spec, workflow, names or ()):
        why = "\n".join(str(problem) for problem in found.problems)
    elif workflow is not None:
        why = refused_variables(read.spec.workflow, workflow, planned.variables)
    name = planned.name() if metadata.get("uid") else ""
    return TriggerDryRun(not why, why, name, planned.variables)
