"""Trigger: starts executions. Its type keys come one by one, as each of them works."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from orchestrator.models.base import (
    Condition,
    Duration,
    Expression,
    Json,
    Model,
    Timestamp,
    WorkflowName,
)


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


class Schedule(Model):
    """Slots of a cron expression."""

    cron: Annotated[str, Field(min_length=1, max_length=256)]
    """Minute, hour, day of month, month, day of week."""
    time_zone: Annotated[str, Field(min_length=1, max_length=64)] = "UTC"
    """Time zone of the slots, such as Europe/Berlin."""
    jitter: Duration | None = None
    """Spreads executions over this time after their slot; the same slot has the same delay."""
    catch_up: Annotated[int, Field(ge=0, le=100)] = 1
    """How many slots that were missed are made up for, the newest ones; 0 skips them."""


class EndPhase(StrEnum):
    """How an execution can end."""

    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    TIMED_OUT = "TimedOut"
    CANCELLED = "Cancelled"


class ExecutionEnded(Model):
    """Executions of the namespace that end."""

    workflow: WorkflowName | None = None
    """Of this workflow; of any when absent."""
    phases: Annotated[list[EndPhase], Field(min_length=1, max_length=4)] = [EndPhase.SUCCEEDED]
    """In one of these phases."""


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
    schedule: Schedule | None = None
    """Starts at the slots of a cron expression."""
    execution: ExecutionEnded | None = None
    """Starts when another execution has ended."""
    suspend: bool = False
    """Starts nothing while true."""


TYPES = ("schedule", "execution")
"""The keys of which a trigger has exactly one."""


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
