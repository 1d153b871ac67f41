"""The result of reconciling a trigger, and the status that reports it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from orchestrator.engine.times import from_rfc3339, to_rfc3339
from orchestrator.kube.cache import Cache, Raw
from orchestrator.kube.client import ApiClient, ApiError
from orchestrator.kube.projection import without_managed_fields
from orchestrator.kube.resources import TRIGGERS
from orchestrator.models.plain_text import plain_text
from orchestrator.models.trigger import MAX_ERROR
from orchestrator.triggers.limits import CreatedExecution
from orchestrator.triggers.plan import Outcome

MAX_AHEAD_SECONDS = 24 * 3600.0
"""Seconds by which a mark may be ahead of a clock that was set back."""


@dataclass(slots=True)
class TriggerProgress:
    """Progress of a pass over a trigger. Times in seconds since the epoch."""

    began: float
    """When the trigger was created."""
    found: float
    """Its mark when the pass began."""
    mark: float
    """All events up to this time have been handled. Written only if a driver moved it: the mark of
    a trigger that another process drives, or with an order of its own, stays as it is."""
    first: bool
    """Whether this is the first pass of this process over the trigger."""
    next_fire: str | None
    """When it fires next, for its status."""
    again: float | None = None
    """When it is to be reconciled again."""
    counts: Counter[str] = field(default_factory=Counter)
    """Increments for the counts in its status."""
    last_fired: float | None = None
    last_event: float | None = None
    last_error: tuple[float, str] | None = None
    """When the last event failed or was refused, and why."""
    position: str | None = None
    """The text of the mark, for a trigger that counts by resourceVersions or whose source has an
    order of its own."""
    goes_back: bool = False
    """Whether `position` replaces a later mark."""
    made_before: list[CreatedExecution] | None = None
    """What the trigger had created before the first pass of this process over it."""

    def count(self, outcome: Outcome, at: float) -> None:
        """Count an event that happened at a given time, and its outcome."""
        self.last_event = at
        self.counts["received"] += 1
        self.counts[outcome.value] += 1

    def merge(self, later: TriggerProgress) -> None:
        """Add the counts and moments of another progress of the same trigger."""
        self.counts.update(later.counts)
        self.mark = max(self.mark, later.mark)
        self.position = later.position or self.position
        self.last_fired = _latest(self.last_fired, later.last_fired)
        self.last_event = _latest(self.last_event, later.last_event)
        if later.last_error is not None:
            self.last_error = max(self.last_error or later.last_error, later.last_error)


class TriggerStatusWriter:
    """Writes the statuses of triggers."""

    def __init__(self, client: ApiClient, clock: Callable[[], float], triggers: Cache) -> None:
        self._client = client
        self._clock = clock
        self._triggers = triggers

    async def write(self, raw: Raw, progress: TriggerProgress) -> None:
        """Add the progress to the trigger's current status; skips the write if the status is
        already current."""
        namespace, name, uid = (raw["metadata"][field] for field in ("namespace", "name", "uid"))
        known: Raw | None = raw
        # A uid does not guard a status: the version does, and others write conditions.
        while known is not None and known["metadata"]["uid"] == uid:
            status = self._status(known, progress)
            if not status:
                return
            guard = {"resourceVersion": known["metadata"]["resourceVersion"]}
            body = {"metadata": guard, "status": status}
            try:
                stored = await self._client.patch(
                    TRIGGERS, namespace, name, body, subresource="status"
                )
            except ApiError as error:
                if error.status not in (404, 409):
                    raise
            else:
                cached = self._triggers.get(namespace, name)
                # Its deletion may have been reported before the answer arrived.
                if cached is not None and cached["metadata"]["uid"] == uid:
                    self._triggers.put(without_managed_fields(stored))
                return
            try:
                known = await self._client.get(TRIGGERS, namespace, name)
            except ApiError as error:
                if error.status != 404:
                    raise
                known = None

    def _status(self, known: Raw, progress: TriggerProgress) -> Raw:
        """The changes in the status."""
        status = known.get("status") or {}
        began = from_rfc3339(known["metadata"]["creationTimestamp"])
        wanted: Raw = {"nextFire": progress.next_fire}
        if progress.position is not None:
            wanted["mark"] = _later(progress, status.get("mark"))
        elif progress.mark != progress.found:
            stored = mark_of(status.get("mark"), began, self._clock())
            wanted["mark"] = to_rfc3339(max(progress.mark, stored))
        if progress.counts:
            counts = dict(status.get("counts") or {})
            for what, times in progress.counts.items():
                counts[what] = counts.get(what, 0) + times
            wanted["counts"] = counts
        if progress.last_fired is not None:
            wanted["lastFired"] = to_rfc3339(progress.last_fired)
        if progress.last_event is not None:
            wanted["lastEvent"] = to_rfc3339(progress.last_event)
        if progress.last_error is not None:
            at, message = progress.last_error
            wanted["lastError"] = {"at": to_rfc3339(at), "message": shortened(message)}
        same = all(status.get(name) == value for name, value in wanted.items())
        return {} if same else wanted


def _latest(one: float | None, other: float | None) -> float | None:
    return max((each for each in (one, other) if each is not None), default=None)


def shortened(message: str) -> str:
    """A message of the length that a status may have, without control characters."""
    message = plain_text(message)
    return message if len(message) <= MAX_ERROR else message[: MAX_ERROR - 1] + "…"


def progress_of(raw: Raw, now: float, *, first: bool) -> TriggerProgress:
    """The progress at the start of a pass over a trigger."""
    status = raw.get("status") or {}
    began = from_rfc3339(raw["metadata"]["creationTimestamp"])
    mark = mark_of(status.get("mark"), began, now)
    return TriggerProgress(began, mark, mark, first, status.get("nextFire"))


def _later(progress: TriggerProgress, stored: str | None) -> str | None:
    """The later of two marks by resourceVersion: another process may have come further."""
    position = progress.position or ""
    version, _, settings = position.partition("/")
    other, _, others = (stored or "").partition("/")
    same = settings.rpartition("/")[2] == others.rpartition("/")[2]
    if same and not progress.goes_back and other.isdecimal() and int(other) > int(version or 0):
        return stored
    return position or stored


def mark_of(text: str | None, began: float, now: float) -> float:
    """The mark of a trigger; an edited, unreadable one counts as its creation.

    That of a trigger which counted by resourceVersions has the time in its middle.
    """
    try:
        first, _, rest = (text or "").partition("/")
        mark = from_rfc3339(rest.partition("/")[0] if rest else first)
    except ValueError:
        return began
    return mark if mark < now + MAX_AHEAD_SECONDS else began
