"""The outcome of an event."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.models.labels import DEDUPE, EVENT
from orchestrator.models.trigger import TriggerSpec
from orchestrator.triggers.limits import CreatedExecution, Made
from orchestrator.triggers.plan import Outcome, PlannedExecution, apply_limits
from orchestrator.triggers.sources import Event


@dataclass(frozen=True, slots=True)
class Delivery:
    """The outcome of an event."""

    outcome: Outcome
    execution: str = ""
    """Name of the execution that it started, now or in an earlier delivery; empty if there is
    none."""
    message: str = ""
    """Why it failed."""
    created: CreatedExecution | None = None
    """The execution that this delivery created."""


def admit(
    start: PlannedExecution, spec: TriggerSpec, event: Event, made: Made, now: float
) -> PlannedExecution | Delivery:
    """The execution to create after dedupe, cooldown and rateLimit."""
    admitted = apply_limits(start, spec, event, made, now)
    if isinstance(admitted, PlannedExecution):
        return admitted
    twins = made.twins(start.labels)
    twin = twin_of(twins, start) if admitted is Outcome.DEDUPLICATED else ""
    return Delivery(admitted, twin)


def twin_of(made: Sequence[CreatedExecution], start: PlannedExecution) -> str:
    """The execution that was created for the same event, otherwise the newest of its dedupe.key."""
    for label in (EVENT, DEDUPE):
        value = start.labels.get(label)
        twins = [each for each in made if value and each.labels.get(label) == value]
        if twins:
            return max(twins, key=lambda each: each.created_at).name
    return ""
