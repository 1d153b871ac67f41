"""Suspends and resumes Triggers, and computes what they start when they are run by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.operations.errors import CommandError, conflict, invalid
from orchestrator.operations.executions import phase_of
from orchestrator.operations.writes import Merge, Raw, Unchanged
from orchestrator.triggers.plan import Failed, PlannedExecution, made_by, plan
from orchestrator.triggers.registry import REGISTRY, Trigger
from orchestrator.triggers.sources import Clock, Event, Watch

KIND = "Trigger"
EXECUTIONS = "workflowexecutions"


def suspend(trigger: Raw, *, suspend: bool) -> Merge | Unchanged:
    """Suspend a Trigger, or resume it."""
    if bool(trigger["spec"].get("suspend")) is suspend:
        return Unchanged(f"is {'already' if suspend else 'not'} suspended")
    return Merge(KIND, trigger["metadata"]["name"], {"spec": {"suspend": suspend}})


def read_trigger(trigger: Raw) -> Trigger:
    """The Trigger of a manifest. Raises CommandError with its problems if it is invalid."""
    read = REGISTRY.read(trigger["spec"])
    if not isinstance(read, Trigger):
        raise CommandError(*read)
    return read


def variables_for(trigger: Raw, read: Trigger, event: Event) -> Mapping[str, Any]:
    """The variables with which a Trigger starts its Workflow for an event, suspended or not."""
    planned = plan(trigger["metadata"], read.spec, event)
    if isinstance(planned, Failed):
        raise invalid("spec", f"{called(trigger)}: {planned.message}")
    if not isinstance(planned, PlannedExecution):
        message = f"spec.filter of {called(trigger)} does not hold for this event"
        raise conflict("spec.filter", message)
    return planned.variables


def is_on_executions(read: Trigger) -> bool:
    """Whether the Trigger fires for executions that end."""
    return isinstance(read.type.source, Watch) and read.type.source.resource == EXECUTIONS


def event_of(trigger: Raw, read: Trigger, execution: Raw) -> Event:
    """The event of an execution. Raises CommandError if the Trigger does not fire for it."""
    source = read.type.source
    if not isinstance(source, Watch) or not is_on_executions(read):
        raise invalid("spec", f"{called(trigger)} does not fire for executions")
    if not source.matches(read.settings, execution):
        raise conflict(
            f"spec.{read.type.key}",
            f"{execution['metadata']['name']} is not an execution that {called(trigger)} fires for:"
            f" its Workflow is {execution['spec']['workflow']}, and its phase"
            f" {phase_of(execution)}",
        )
    return source.event(read.settings, execution)


def recorded_event(trigger: Raw, read: Trigger, execution: Raw, at: float) -> Event:
    """The event that an execution recorded. Raises CommandError if the Trigger did not start it."""
    name = execution["metadata"]["name"]
    if not made_by(trigger["metadata"], execution):
        raise invalid("execution", f"{called(trigger)} did not start {name}")
    recorded = execution["spec"]["trigger"].get("event") or {}
    return Event(read.type.key, "by hand", recorded, at)


def next_event(trigger: Raw, read: Trigger, source: Clock[Any], now: float) -> Event:
    """The next event of a clock source. Raises CommandError if there is none."""
    uid = trigger["metadata"]["uid"]
    due = source.due(read.settings, uid, now, now, 0.0).again
    events = () if due is None else source.due(read.settings, uid, due - 1, due, 0.0).events
    if not events:
        raise conflict("spec", f"{called(trigger)} never fires again", "give an event")
    return events[-1]


def next_moments(trigger: Raw, read: Trigger, now: float, count: int) -> list[float]:
    """The next times at which a Trigger with a clock fires, jitter included, as computed by the
    operator."""
    source, found = read.type.source, list[float]()
    while isinstance(source, Clock) and len(found) < count:
        due = source.due(read.settings, trigger["metadata"]["uid"], now, now, 0.0).again
        if due is None:
            break
        found.append(now := due)
    return found


def called(trigger: Raw) -> str:
    """A Trigger's name in messages."""
    return f"trigger/{trigger['metadata']['name']}"
