"""Trigger: starts executions. What all types share; each type adds the field of its settings.

The types are in `triggers/`, one file each; its registry makes the complete model of a Trigger's
spec, which the CRD is generated from.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from orchestrator.models.base import Duration, Expression, Json, Model, Timestamp, WorkflowName
from orchestrator.models.condition import Condition


class Dedupe(Model):
    """Replaces an event's identity."""

    key: Expression
    """Expression over the event."""
    window: Duration
    """How long the same key starts nothing new."""


class RateLimit(Model):
    """Most executions started in a period."""

    limit: Annotated[int, Field(ge=1, le=10000)]
    """Executions."""
    period: Duration
    """In this time."""


class TriggerSpec(Model):
    """What starts executions of a workflow, and how."""

    workflow: WorkflowName
    """Workflow to start."""
    variables: Annotated[dict[str, Json], Field(max_length=100)] | None = None
    """Values of its variables; strings may hold expressions over event."""
    filter: Expression | None = None
    """Only events for which this holds start anything."""
    payload: Expression | None = None
    """What of the event the execution keeps; all of it when absent."""
    dedupe: Dedupe | None = None
    """Replaces an event's identity."""
    rate_limit: RateLimit | None = None
    """Most executions started in a period."""
    suspend: bool = False
    """Starts nothing while true."""


class TriggerCounts(Model):
    """What became of the events received."""

    received: int = 0
    """Events received."""
    filtered: int = 0
    """For which the filter did not hold."""
    deduplicated: int = 0
    """Seen before."""
    limited: int = 0
    """Over the rate limit."""
    started: int = 0
    """That started an execution."""
    failed: int = 0
    """That could not be handled."""


class TriggerStatus(Model):
    """What the operator says of a trigger."""

    observed_generation: int | None = None
    """The generation that the conditions speak of."""
    conditions: Annotated[list[Condition], Field(max_length=16)] = []
    """Ready, Reconciling, Stalled."""
    last_fired: Timestamp | None = None
    """When it last started an execution."""
    last_event: Timestamp | None = None
    """When it last received an event."""
    next_fire: Timestamp | None = None
    """When it starts the next execution, where that is known."""
    mark: Annotated[str, Field(max_length=1024)] | None = None
    """Up to where what can be listed again was seen."""
    counts: TriggerCounts | None = None
    """What became of the events received."""
