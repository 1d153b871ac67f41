"""What a trigger type consists of: a value that the CRD, validation, docs and drivers read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from orchestrator.models.base import Model
from orchestrator.validation.problem import Problem

S = TypeVar("S", bound=Model)
Raw = Mapping[str, Any]
"""An object as the API server has it."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened. `at` in seconds since the epoch; `depth` is the execution's.

    `requester` is the person behind it: empty for one who is unknown, None where there is none.
    """

    type: str
    identity: str
    """The same whoever observes it, however often: the execution's name is a hash of it."""
    data: Mapping[str, Any]
    """What expressions read as `event`, as the type's event model describes it."""
    at: float
    depth: int = 0
    requester: str | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """The result of evaluating a type that listens to the clock. Seconds since the epoch."""

    events: tuple[Event, ...]
    """The oldest first; `at` is when each is due."""
    mark: float
    """Up to where everything that was due has been dealt with once these events are stored."""
    again: float | None
    """When to evaluate it again."""


@dataclass(frozen=True, slots=True)
class Clock(Generic[S]):
    """A source: the clock."""

    due: Callable[[S, str, float, float, float], Due]
    """(settings, uid, after, now, since) → the events later than `since` that became due after
    one moment and until another."""


@dataclass(frozen=True, slots=True)
class Watch(Generic[S]):
    """A source: the objects of a resource in the trigger's namespace.

    An object makes at most one event. Its moment may come late and out of order.
    """

    resource: str
    """Plural name of the resource."""
    moment: Callable[[Raw], float | None]
    """When it happened to the object, in seconds since the epoch; None before it did."""
    projection: Callable[[Raw], Raw]
    """What `matches` and `moment` read of the object, with its namespace, name and uid: what is
    kept until the event is delivered, for which the object is read in full."""
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
    """When it starts an execution, in one sentence: the description of the field."""
    settings: type[S]
    event: type[Model]
    """The schema of its `event`."""
    source: Clock[S] | Watch[S]
    problems: Callable[[str, S], Iterable[Problem]] = lambda _path, _settings: ()
    """What is wrong with settings at a path, beyond what their model says."""
    advice: Callable[[str, S], Iterable[Problem]] = lambda _path, _settings: ()
    """What is valid in settings at a path, and probably not meant."""
