"""Trigger: starts executions. This module has the fields that all types share.

Each type adds a field with its settings in a file of `triggers/`. The registry there combines them
to the model of the spec, from which the CRD is generated.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from orchestrator.models.base import Duration, Expression, Json, Model, Timestamp, WorkflowName
from orchestrator.models.condition import Condition


class Dedupe(Model):
    """Overrides the identity of an event, by which duplicates are recognised."""

    key: Expression
    """Expression over the event; events with the same result are duplicates."""
    window: Duration
    """Duration for which events with the same key start no other execution."""


class LimitPolicy(StrEnum):
    """What happens to an event over the rateLimit."""

    QUEUE = "Queue"
    NEWEST = "Newest"
    DROP = "Drop"


class RateLimit(Model):
    """Maximum number of executions that start in a period."""

    limit: Annotated[int, Field(ge=1, le=10000)]
    """Number of executions."""
    period: Duration
    """Length of the period."""
    policy: LimitPolicy = LimitPolicy.QUEUE
    """Queue: an execution over the limit is created and waits for its slot. Newest: the same, but
    only the newest starts; older ones that still wait are cancelled. Drop: no execution is created,
    and the event counts as limited."""


class TriggerSpec(Model):
    """Which events start executions of a Workflow, and how many of them."""

    workflow: WorkflowName
    """Name of the Workflow to start."""
    variables: Annotated[dict[str, Json], Field(max_length=100)] | None = None
    """Values of the Workflow's variables; strings may contain expressions over `event`."""
    filter: Expression | None = None
    """Condition; events for which it is false start no execution."""
    payload: Expression | None = None
    """Expression that selects what the execution keeps of the event; the whole event if absent."""
    dedupe: Dedupe | None = None
    """Overrides the identity of an event, by which duplicates are recognised."""
    rate_limit: RateLimit | None = None
    """Maximum number of executions that start in a period. Default: 60 per minute; unlimited for
    schedules and manual starts."""
    cooldown: Duration | None = None
    """Duration after a start in which no other execution starts; events in it count as limited."""
    suspend: bool = False
    """If true, the Trigger starts no executions."""


class TriggerCounts(Model):
    """Number of events by outcome."""

    received: int = 0
    """Events received."""
    filtered: int = 0
    """Events for which the filter was false."""
    deduplicated: int = 0
    """Events that were received before."""
    limited: int = 0
    """Events over the rateLimit or within the cooldown."""
    started: int = 0
    """Events that started an execution."""
    failed: int = 0
    """Events that could not be handled."""


MAX_ERROR = 1024
"""Maximum length of an error message in a status, in characters."""


class TriggerError(Model):
    """The last event that failed, or the last request that was refused."""

    at: Timestamp
    """Time of the error."""
    message: Annotated[str, Field(max_length=MAX_ERROR)]
    """Error message."""


class TriggerStatus(Model):
    """Observed state of a Trigger, written by the operator and the receiver."""

    observed_generation: int | None = None
    """Generation of the spec that the conditions refer to."""
    conditions: Annotated[list[Condition], Field(max_length=16)] = []
    """Ready, Reconciling and Stalled; also Receiving if the receiver handles the type."""
    last_fired: Timestamp | None = None
    """Time of the last start of an execution."""
    last_event: Timestamp | None = None
    """Time of the last event."""
    last_error: TriggerError | None = None
    """The last event that failed, or the last request that was refused."""
    next_fire: Timestamp | None = None
    """Time of the next start, if it is known."""
    mark: Annotated[str, Field(max_length=1024)] | None = None
    """Position in the source up to which all events have been handled: a time, or
    RESOURCEVERSION/TIME/SETTINGS for types that watch objects."""
    counts: TriggerCounts | None = None
    """Number of events by outcome."""
