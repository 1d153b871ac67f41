"""The driver for trigger types that follow the changes of a resource's objects."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from orchestrator.controller.triggers.follower import REFRESH_SECONDS, Follower
from orchestrator.controller.triggers.shared_watch import SharedWatch
from orchestrator.dispatch.deliverer import Deliverer
from orchestrator.dispatch.status import TriggerProgress
from orchestrator.engine.times import from_rfc3339
from orchestrator.kube.cache import Key, Raw, key_of
from orchestrator.kube.client import ApiClient
from orchestrator.triggers.marks import Mark, read_mark, settings_hash, start_mark
from orchestrator.triggers.readiness import Access
from orchestrator.triggers.registry import Trigger
from orchestrator.triggers.sources import Changes, WatchedResource

WRITE_SECONDS = 5.0
"""Minimum seconds between two writes of a trigger's status."""
MAX_BATCH = 100
"""Events that a pass delivers at most; the next pass continues."""

_Place = tuple[WatchedResource, str]


class ChangesDriver:
    """Follows resources for triggers, and delivers the events of their changes."""

    def __init__(
        self,
        client: ApiClient,
        clock: Callable[[], float],
        deliverer: Deliverer,
        *,
        wake: Callable[[Key], None],
        on_access: Callable[[Key], None],
        on_reset: Callable[[Key, str], None],
    ) -> None:
        """The callbacks are those of `SharedWatch`."""
        self._client = client
        self._clock = clock
        self._deliverer = deliverer
        self._wake = wake
        self._on_access = on_access
        self._on_reset = on_reset
        self._watches: dict[_Place, SharedWatch] = {}
        self._followers: dict[Key, tuple[Follower, _Place]] = {}
        self._first_seen: dict[Key, tuple[str, int, int]] = {}
        """Uid and generation of each trigger, and its version when that generation was first
        seen."""

    async def run(self) -> None:
        """Stop all watches when cancelled."""
        try:
            await asyncio.Event().wait()
        finally:
            for watch in self._watches.values():
                watch.stop()

    def note(self, raw: Raw) -> None:
        """A trigger was created or changed: a new one counts from here."""
        metadata = raw["metadata"]
        identity = metadata["uid"], metadata["generation"]
        if self._first_seen.get(key_of(raw), ())[:2] != identity:
            self._first_seen[key_of(raw)] = (*identity, int(metadata["resourceVersion"]))

    def forget(self, key: Key) -> None:
        """The trigger was deleted."""
        self.leave(key)
        self._first_seen.pop(key, None)

    def leave(self, key: Key) -> None:
        """Stop following for the trigger."""
        follower, place = self._followers.pop(key, (None, None))
        if follower is not None and place is not None and self._watches[place].remove(key):
            del self._watches[place]

    def access(self, key: Key) -> Access:
        """Whether the API server lets the trigger follow its resource."""
        _, place = self._followers.get(key, (None, None))
        return Access() if place is None else self._watches[place].access

    def resume(self, raw: Raw, trigger: Trigger, progress: TriggerProgress) -> TriggerProgress:
        """The progress that a pass continues: the trigger's own, if the status lacks some."""
        follower = self._follow(raw, trigger)
        if follower.progress is None:
            follower.progress = progress
        return follower.progress

    async def drive(self, raw: Raw, trigger: Trigger, progress: TriggerProgress) -> None:
        """Deliver what is pending, in order; `finish` follows, whatever it raises."""
        follower, place = self._followers[key_of(raw)]
        if trigger.spec.suspend:
            follower.discard()
        for _ in range(MAX_BATCH):
            if not follower.pending:
                break
            event = follower.pending[0].event
            delivery = await self._deliverer.deliver(raw, trigger.spec, event, progress)
            follower.delivered(delivery.outcome)
            follower.settle(self._clock())
        if follower.behind and not follower.pending:
            follower.behind = False
            if place in self._watches:
                self._watches[place].restart()

    def unsaved(self, now: float) -> list[tuple[Key, TriggerProgress]]:
        """The progress that statuses do not include yet, for the end of the process; `written`
        follows each that is written."""
        progresses = [(key, follower.progress) for key, (follower, _) in self._followers.items()]
        return [
            (key, progress)
            for key, progress in progresses
            if progress is not None and self.finish(key, progress, now, last=True)
        ]

    def finish(
        self, key: Key, progress: TriggerProgress, now: float, *, last: bool = False
    ) -> bool:
        """Put the mark and the next pass into the progress; returns whether to write it now.

        Writes are at least WRITE_SECONDS apart, except for the last one of the process.
        """
        follower, _ = self._followers.get(key, (None, None))
        if follower is None:
            return False
        due, allowed_at = follower.due(now), follower.written_at + WRITE_SECONDS
        first = follower.stored is None
        write = due and (first or follower.reset or last or now >= allowed_at)
        follower.writing = follower.mark
        progress.next_fire = None
        stored = "" if follower.stored is None else str(follower.stored)
        progress.position = str(follower.mark) if write else stored
        progress.goes_back = follower.reset
        again = [] if write or not due else [allowed_at]
        if follower.pending:
            again.append(now)
        if follower.settles_at is not None:
            again.append(max(follower.settles_at, now + 10.0))
        if follower.refreshes:
            written = now if write else follower.written_at
            again.append(max(written + REFRESH_SECONDS, now + 1.0))
        progress.again = min(again, default=None)
        return write

    def written(self, key: Key, now: float) -> None:
        """The status was written."""
        follower, _ = self._followers.get(key, (None, None))
        if follower is not None:
            follower.saved(now)

    def _follow(self, raw: Raw, trigger: Trigger) -> Follower:
        key, settings = key_of(raw), settings_hash(trigger)
        source = trigger.type.source
        assert isinstance(source, Changes)
        known, place = self._followers.get(key, (None, None))
        if known is not None and known.seen.settings == settings:
            known.trigger = trigger
            return known
        if place is not None:
            self.leave(key)
        stored = read_mark((raw.get("status") or {}).get("mark"), settings)
        mark = stored or self._start(raw, settings)
        created = from_rfc3339(raw["metadata"]["creationTimestamp"])
        since = created if stored is not None else max(created, mark.at)
        follower = Follower(key, trigger, source, mark, since)
        follower.stored = stored
        self._join(follower, source, raw["metadata"]["namespace"])
        return follower

    def _start(self, raw: Raw, settings: str) -> Mark:
        self.note(raw)
        _, _, version = self._first_seen[key_of(raw)]
        return start_mark(raw["metadata"], version, settings, self._clock())

    def _join(self, follower: Follower, source: Changes[Any], namespace: str) -> None:
        place = source.resource(follower.trigger.settings), namespace
        watch = self._watches.get(place)
        if watch is None:
            watch = self._watches[place] = SharedWatch(
                self._client,
                self._clock,
                *place,
                wake=self._wake,
                on_access=self._on_access,
                on_reset=self._on_reset,
            )
        self._followers[follower.key] = follower, place
        watch.add(follower)
