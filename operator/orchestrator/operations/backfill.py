"""Starts the executions of a schedule's past slots."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from orchestrator.engine.times import to_rfc3339
from orchestrator.operations.errors import conflict, invalid
from orchestrator.operations.start import start_workflow
from orchestrator.operations.trigger import called
from orchestrator.operations.writes import Manifest, Raw
from orchestrator.triggers.plan import Failed, PlannedExecution, plan
from orchestrator.triggers.registry import Trigger
from orchestrator.triggers.sources import Clock, Event

MAX_SLOTS = 1000
"""Maximum number of slots of one backfill."""


@dataclass(frozen=True, slots=True)
class Period:
    """The slots to start: from `start` until before `end`, in seconds since the epoch."""

    start: float
    end: float
    limit: int
    """Maximum number of slots; a period with more is refused."""


@dataclass(frozen=True, slots=True)
class BackfilledSlot:
    """A past slot, and the execution to create for it; None if the filter does not hold for it."""

    at: float
    """In seconds since the epoch."""
    manifest: Manifest | None


def backfill(
    trigger: Raw, read: Trigger, workflow: Raw, period: Period, now: float, requester: str
) -> list[BackfilledSlot]:
    """The executions of a period's slots, oldest first, in the requester's name.

    An execution has the name that the Trigger gives it, so no slot runs twice. Raises CommandError
    if the Trigger has no schedule, the period is not in the past, has no slot or too many, or if
    the Workflow refuses a start.
    """
    events = _events(trigger, read, period, now)
    return [
        BackfilledSlot(event.at, _manifest(trigger, read, workflow, event, requester))
        for event in events
    ]


def _events(trigger: Raw, read: Trigger, period: Period, now: float) -> list[Event]:
    source = read.type.source
    if not isinstance(source, Clock):
        raise invalid("spec", f"{called(trigger)} has no schedule, so it has no slots")
    if period.end > now:
        raise invalid(
            "to",
            f"{to_rfc3339(period.end)} is not in the past",
            f"{called(trigger)} starts later slots itself",
        )
    if period.start >= period.end:
        raise invalid("from", f"{to_rfc3339(period.start)} is not before the end of the period")
    slots = source.between(read.settings, period.start, period.end)
    events = list(islice(slots, period.limit + 1))
    if len(events) > period.limit:
        last = to_rfc3339(events[period.limit - 1].at)
        raise conflict(
            "limit",
            f"the period has more than {period.limit} slots",
            f"end it after {last}, or raise the limit, at most {MAX_SLOTS}",
        )
    if not events:
        raise conflict("from", f"{called(trigger)} has no slot in the period")
    return events


def _manifest(
    trigger: Raw, read: Trigger, workflow: Raw, event: Event, requester: str
) -> Manifest | None:
    metadata: Mapping[str, Any] = trigger["metadata"]
    planned = plan(metadata, read.spec, event)
    if isinstance(planned, Failed):
        raise invalid("spec", f"{called(trigger)}, slot {to_rfc3339(event.at)}: {planned.message}")
    if not isinstance(planned, PlannedExecution):
        return None
    return start_workflow(workflow, planned.variables, requester=requester, name=planned.name())
