"""The sources of events: what a trigger type listens to, as values that drivers run.

A source has pure functions from what a driver observed to events. The operator drives Clock, Watch
and Changes; the receiver drives Requests and Listener.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from orchestrator.models.base import Model

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
    limited: bool = True
    """Whether the default rateLimit applies, if the Trigger sets none."""
    root: str = ""
    """The uid of the execution at the root of its chain of triggers; empty if it begins one."""
    key: str = ""
    """The dedupe.key of a type that has one of its own, unless the Trigger sets another."""
    window: float = 0.0
    """Seconds for which `key` starts nothing new."""


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
    between: Callable[[S, float, float], Iterator[Event]]
    """(settings, start, end) → the events of all slots of a period, its end excluded, oldest
    first and without a limit."""


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
class WatchedResource:
    """The resource that a Changes source watches; `group` is empty for the core group."""

    group: str
    version: str
    plural: str = ""
    kind: str = ""
    """Its kind, where the plural name is not known: discovery finds it."""
    verified: bool = True
    """Whether it is known to be namespaced; otherwise discovery says so."""


@dataclass(frozen=True, slots=True)
class Change:
    """A change of an object, as a watch reports it."""

    type: str
    """ADDED, MODIFIED or DELETED."""
    object: Raw
    observed_at: float
    """In seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class Changes(Generic[S]):
    """A source: the changes of a resource's objects in the trigger's namespace.

    Changes arrive in the order of their resourceVersions, which the API server counts up. A watch
    that cannot be resumed continues with a list: of several changes of one object only the last
    remains, and deletions are missed.
    """

    resource: Callable[[S], WatchedResource]
    events: Callable[[S, Change], Sequence[Event]]
    """The events of a change, none if the trigger does not listen to it. The same event may be
    found in several changes: its identity shows it."""
    level: bool = True
    """Whether an event is found in every later change of the object too: one that happened before
    the trigger's mark is then old. Otherwise it is tied to the change's resourceVersion."""
    deletions: Callable[[S], bool] = lambda _settings: False
    """Whether a trigger with these settings listens to deletions, which no list shows."""


@dataclass(frozen=True, slots=True)
class SecretKey:
    """A key of a Secret in the trigger's namespace."""

    name: str
    key: str


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request that the receiver has read, with an undecoded body."""

    method: str
    headers: Mapping[str, str]
    """By lower-case name; repeated ones are joined by commas."""
    query: Mapping[str, str]
    body: bytes
    received_at: float
    """In seconds since the epoch."""
    caller: str = ""
    """The user that the API server knows the caller as; empty unless the source authenticates."""
    certificate: tuple[str, ...] = ()
    """The names in the verified client certificate; empty without one."""
    id: str = ""
    """A random id of this request: the identity of an event that has none of its own."""


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """An answer that starts nothing: a refusal, or what a sender's handshake expects."""

    status: int
    message: str
    """What is wrong and what to do; the body of a handshake."""
    headers: Mapping[str, str] = field(default_factory=dict)
    detail: str = ""
    """Why the request was refused, for the trigger's status: it is not in the answer."""


NOT_VERIFIED = 401
"""The status of every request that is not verified, whether or not the trigger exists."""


def not_verified(detail: str) -> HttpResponse:
    """The refusal of a request that is not verified: the sender learns nothing about the cause."""
    message = "the request is not verified: no such trigger, or a wrong signature or token"
    return HttpResponse(NOT_VERIFIED, message, detail=detail)


@dataclass(frozen=True, slots=True)
class Sample:
    """A request that a trigger accepts, to try it with."""

    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Sending:
    """A request that is about to be sent."""

    body: bytes
    id: str
    """The delivery id."""
    at: float
    """When it is sent, in seconds since the epoch."""

    @property
    def timestamp(self) -> str:
        """The moment as schemes sign it."""
        return str(int(self.at))


@dataclass(frozen=True, slots=True)
class Requests(Generic[S]):
    """A source: HTTP requests to the receiver, at the trigger's own path."""

    secrets: Callable[[S], Sequence[SecretKey]]
    """What the receiver reads to verify a request, the newest first."""
    receive: Callable[[S, HttpRequest, Sequence[bytes]], Sequence[Event] | HttpResponse]
    """(settings, request, values of `secrets`) → the events of a verified request, or an answer.

    It compares secrets in constant time, over the raw body, and refuses what it cannot verify."""
    sample: Callable[[S, float], Sample]
    """A request at a moment in seconds since the epoch, without its signature."""
    sign: Callable[[S, Sending, bytes], Mapping[str, str]] = lambda *_: {}
    """(settings, request, secret) → the headers with which the sender signs it. Raises ValueError
    for a secret that it cannot use."""
    authenticates: bool = False
    """Whether the API server authenticates and authorizes the caller first."""
    methods: frozenset[str] = frozenset({"POST"})
    """HTTP methods that it accepts."""


@dataclass(frozen=True, slots=True)
class Listener(Generic[S]):
    """A source: a mailbox, bucket or folder, which one replica of the receiver reads.

    Its driver is the one registered in `receiver/listeners/registry.py` under the type's key.
    """

    secrets: Callable[[S], Sequence[SecretKey]]
    """What the receiver reads to log in."""


@dataclass(frozen=True, slots=True)
class Manual(Generic[S]):
    """A source: people, who start the trigger by name. No driver runs."""


Source = Clock[S] | Watch[S] | Changes[S] | Requests[S] | Listener[S] | Manual[S]
