"""The parts of a trigger type: a value that the CRD, validation, docs and drivers read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from orchestrator.models.base import Model
from orchestrator.validation.problem import Problem

S = TypeVar("S", bound=Model)
Raw = Mapping[str, Any]
"""An object as the API server returns it."""


@dataclass(frozen=True, slots=True)
class Event:
    """An event. `at` is in seconds since the epoch; `depth` is that of the execution to start.

    `requester` is the person behind it: empty if unknown, None if there is none.
    """

    type: str
    identity: str
    """The same for every observation of the event: the execution's name is a hash of it."""
    data: Mapping[str, Any]
    """The value of `event` in expressions, as the type's event model describes it."""
    at: float
    depth: int = 0
    requester: str | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """The events of a clock source. Times are in seconds since the epoch."""

    events: tuple[Event, ...]
    """Oldest first; `at` is when each is due."""
    mark: float
    """Everything due until then has been handled once these events are stored."""
    again: float | None
    """When to evaluate the source again."""


@dataclass(frozen=True, slots=True)
class Clock(Generic[S]):
    """A source: the clock."""

    due: Callable[[S, str, float, float, float], Due]
    """(settings, uid, after, now, since) → the events of slots later than `since` that became due
    after `after` and not later than `now`."""


@dataclass(frozen=True, slots=True)
class Watch(Generic[S]):
    """A source: the objects of a resource in the trigger's namespace.

    An object causes at most one event, which may be observed late and out of order.
    """

    resource: str
    """Plural name of the resource."""
    moment: Callable[[Raw], float | None]
    """When the event happened, in seconds since the epoch; None before it did."""
    projection: Callable[[Raw], Raw]
    """The part of the object that `matches` and `moment` read, with its namespace, name and uid.
    It is kept until the event is delivered; then the object is read in full."""
    matches: Callable[[S, Raw], bool]
    """Whether a trigger with these settings listens to the object."""
    event: Callable[[S, Raw], Event]
    """The event of an object that matches."""


@dataclass(frozen=True, slots=True)
class TriggerType(Generic[S]):
    """A type of trigger."""

    key: str
    """The field of spec that holds its settings, and the type of its events."""
    starts: str
    """When it starts an execution, in one sentence: the field's description in the CRD."""
    settings: type[S]
    event: type[Model]
    """The schema of its `event`."""
    source: Clock[S] | Watch[S]
    problems: Callable[[str, S], Iterable[Problem]] = lambda _path, _settings: ()
    """Problems of settings at a path that the model does not find."""
    advice: Callable[[str, S], Iterable[Problem]] = lambda _path, _settings: ()
    """Warnings about valid settings at a path that probably do not do what their author wants."""
