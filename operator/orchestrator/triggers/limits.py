"""How many executions a trigger starts: the slots of its rateLimit, and its cooldown.

They are counted from the executions that exist, since processes share nothing else. An execution
over the limit that waits for its slot counts from when it starts.
"""

from __future__ import annotations

import math
from bisect import bisect_right, insort
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from orchestrator.models.base import parse_duration
from orchestrator.models.labels import DEDUPE, EVENT, NOT_BEFORE
from orchestrator.models.trigger import LimitPolicy, RateLimit, TriggerSpec
from orchestrator.triggers.sources import Event

DEFAULT_RATE_LIMIT = RateLimit(limit=60, period="1m")
"""The rateLimit of a Trigger without one whose events others cause."""
MAX_QUEUED_SECONDS = 24 * 3600.0
"""Maximum seconds that an execution waits for its slot; beyond, its event is counted as limited."""
MAX_QUEUED = 500
"""Maximum number of a trigger's executions that wait for their slot, unless its limit is larger;
beyond, an event is counted as limited."""

STARTING_SECONDS = 5.0
"""Seconds before its slot from which an execution counts as started under the policy Newest: the
time that the creation of a newer one may take."""


class CreatedExecution(NamedTuple):
    """An execution that a trigger created."""

    created_at: float
    """In seconds since the epoch."""
    labels: Mapping[str, str]
    name: str = ""

    @property
    def starts_at(self) -> float:
        """When it may start, in seconds since the epoch: at once, unless it waits for a slot."""
        text = self.labels.get(NOT_BEFORE, "")
        return max(self.created_at, float(text)) if text.isdecimal() else self.created_at

    @property
    def waits(self) -> bool:
        """Whether it was created to wait for a slot."""
        return self.starts_at > self.created_at


class Made(Protocol):
    """The executions that a trigger created."""

    def twins(self, labels: Mapping[str, str]) -> Sequence[CreatedExecution]:
        """Those with the same event or dedupe.key."""

    def latest_start(self, count: int, before: float = math.inf) -> float | None:
        """The start of the last but `count - 1` of those that start until `before`; None if there
        are fewer."""

    def waiting(self, now: float) -> int:
        """The number of those that wait for a slot that is later than `now`."""


class Listed:
    """The executions of a list."""

    def __init__(self, executions: Iterable[CreatedExecution] = ()) -> None:
        self._executions = list(executions)
        self._starts = sorted(each.starts_at for each in self._executions)

    def add(self, execution: CreatedExecution) -> None:
        """Add one that was created since."""
        self._executions.append(execution)
        insort(self._starts, execution.starts_at)

    def twins(self, labels: Mapping[str, str]) -> Sequence[CreatedExecution]:
        """See Made."""
        return [each for each in self._executions if is_twin(each, labels)]

    def latest_start(self, count: int, before: float = math.inf) -> float | None:
        """See Made."""
        last = bisect_right(self._starts, before)
        return self._starts[last - count] if count <= last else None

    def waiting(self, now: float) -> int:
        """See Made."""
        return sum(each.waits and each.starts_at > now for each in self._executions)


def is_twin(execution: CreatedExecution, labels: Mapping[str, str]) -> bool:
    """Whether an execution has the same event or dedupe.key."""
    return any(
        label in labels and execution.labels.get(label) == labels[label]
        for label in (EVENT, DEDUPE)
    )


def rate_limit_of(spec: TriggerSpec, event: Event) -> RateLimit | None:
    """The rateLimit that applies to an event."""
    if spec.rate_limit is not None:
        return spec.rate_limit
    return DEFAULT_RATE_LIMIT if event.limited else None


def start_of(spec: TriggerSpec, event: Event, made: Made, now: float) -> float | None:
    """When the event's execution may start, at the earliest `now`; None if none is to be created.

    `Drop` and cooldown use the event's own time, so a redelivery has the same result.
    """
    if spec.cooldown is not None:
        newest = made.latest_start(1)
        if newest is not None and newest > event.at - parse_duration(spec.cooldown):
            return None
    rate = rate_limit_of(spec, event)
    if rate is None:
        return now
    period = parse_duration(rate.period)
    if rate.policy is LimitPolicy.DROP:
        last = made.latest_start(rate.limit)
        return now if last is None or last <= event.at - period else None
    # Newest replaces what waits, and so does not count it, unless that may start meanwhile.
    before = now + STARTING_SECONDS if rate.policy is LimitPolicy.NEWEST else math.inf
    last = made.latest_start(rate.limit, before)
    if last is None or last + period <= now:
        return now
    slot = float(math.ceil(last + period))
    if slot > now + MAX_QUEUED_SECONDS or made.waiting(now) >= max(MAX_QUEUED, rate.limit):
        return None
    return slot
