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
from orchestrator.triggers.plan import CreatedExecution, Outcome

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
    """All events up to this time have been handled."""
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
    made_before: list[CreatedExecution] | None = None
    """What the trigger had created before the first pass of this process over it."""

    def count(self, outcome: Outcome, at: float) -> None:
        """Count an event that happened at a given time, and its outcome."""
        self.last_event = at
        self.counts["received"] += 1
        self.counts[outcome.value] += 1


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
        mark = max(progress.mark, mark_of(status.get("mark"), began, self._clock()))
        wanted: Raw = {"nextFire": progress.next_fire}
        if mark != began or "mark" in status:
            wanted["mark"] = to_rfc3339(mark)
        if progress.counts:
            counts = dict(status.get("counts") or {})
            for what, times in progress.counts.items():
                counts[what] = counts.get(what, 0) + times
            wanted["counts"] = counts
        if progress.last_fired is not None:
            wanted["lastFired"] = to_rfc3339(progress.last_fired)
        if progress.last_event is not None:
            wanted["lastEvent"] = to_rfc3339(progress.last_event)
        same = all(status.get(name) == value for name, value in wanted.items())
        return {} if same else wanted


def progress_of(raw: Raw, now: float, *, first: bool) -> TriggerProgress:
    """The progress at the start of a pass over a trigger."""
    status = raw.get("status") or {}
    began = from_rfc3339(raw["metadata"]["creationTimestamp"])
    mark = mark_of(status.get("mark"), began, now)
    return TriggerProgress(began, mark, mark, first, status.get("nextFire"))


def mark_of(text: str | None, began: float, now: float) -> float:
    """The mark of a trigger; an edited, unreadable one counts as its creation."""
    try:
        mark = from_rfc3339(text or "")
    except ValueError:
        return began
    return mark if mark < now + MAX_AHEAD_SECONDS else began
