"""Runs triggers: looks at the clock and at executions that ended, and creates what they start.

The mark of a trigger moves only when what it stands for is stored, so a crash delivers again; and
an execution's name is the hash of its event, so what is delivered again is there already.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.controller.apiserver.cache import Cache, Raw, key_of
from orchestrator.controller.apiserver.client import ApiClient, ApiError
from orchestrator.controller.apiserver.resources import EXECUTIONS, TRIGGERS
from orchestrator.controller.queue import WorkQueue
from orchestrator.controller.triggering.triggered import (
    delivered,
    essence_of,
    has_ended,
    mark_of,
    newest_of,
    parsed,
)
from orchestrator.engine.retention import ended_at
from orchestrator.engine.times import from_rfc3339, to_rfc3339
from orchestrator.models.base import parse_duration
from orchestrator.models.labels import TRIGGER
from orchestrator.models.trigger import TriggerSpec
from orchestrator.triggers import execution as execution_type
from orchestrator.triggers import schedule as schedule_type
from orchestrator.triggers.starting import Event, Failed, Filtered, plan

logger = logging.getLogger(__name__)

LONGEST = 60.0
"""Seconds after which a schedule is looked at again, whatever it says: a clock may be put right."""
MARGIN = 60.0
"""Seconds by which ends of executions may come out of order."""
REMEMBERED = 5_000
"""Ended executions kept for triggers that are not known yet."""

Key = tuple[str | None, str]
Counts = dict[str, int]


@dataclass(slots=True)
class _Look:
    """What one look at a trigger comes to."""

    counts: Counts
    mark: float
    fired: float | None = None
    heard: float | None = None
    again: float | None = None


class Triggers:
    """Works on one trigger after the other."""

    def __init__(self, client: ApiClient, clock: Callable[[], float], triggers: Cache) -> None:
        self._client = client
        self._clock = clock
        self._triggers = triggers
        self._queue: WorkQueue[Key] = WorkQueue("triggers")
        self._ended: deque[Raw] = deque(maxlen=REMEMBERED)
        self._heard: dict[Key, dict[str, tuple[str, float]]] = {}
        """Executions that ended and are to be looked at, by trigger and uid: name and when."""
        self._since: dict[Key, float] = {}
        """The mark of a trigger as this process found it: what ended before it was dealt with."""
        self._known: set[Key] = set()
        self._specs: dict[Key, tuple[tuple[str, int], TriggerSpec | None]] = {}
        """Specs as read, by trigger, for its uid and generation."""

    def look(self, raw: Raw) -> None:
        """A trigger came, or was changed."""
        key = key_of(raw)
        if key not in self._known:
            self._known.add(key)
            for ended in self._ended:
                self._hear(raw, ended)
        self._queue.add(key)

    def forget(self, raw: Raw) -> None:
        """A trigger is gone."""
        self._known.discard(key_of(raw))
        self._heard.pop(key_of(raw), None)
        self._specs.pop(key_of(raw), None)
        self._since.pop(key_of(raw), None)

    def ended(self, raw: Raw) -> None:
        """An execution has ended; told twice it counts once."""
        self._ended.append(raw := essence_of(raw))
        for trigger in self._triggers:
            if self._hear(trigger, raw):
                self._queue.add(key_of(trigger))

    async def run(self) -> None:
        """Work until cancelled."""
        await self._queue.run(self._pass, workers=4)

    def _hear(self, trigger: Raw, ended: Raw) -> bool:
        if trigger["metadata"]["namespace"] != ended["metadata"]["namespace"]:
            return False
        spec = self._spec(trigger)
        if spec is None or spec.execution is None:
            return False
        if not execution_type.matches(spec.execution, ended):
            return False
        metadata, at = ended["metadata"], ended_at(ended["status"])
        if at is None:
            return False
        self._heard.setdefault(key_of(trigger), {})[metadata["uid"]] = metadata["name"], at
        return True

    def _spec(self, raw: Raw) -> TriggerSpec | None:
        """The spec of a trigger, read once a generation; None when it cannot be valid."""
        key, metadata = key_of(raw), raw["metadata"]
        version = (metadata["uid"], metadata["generation"])
        known = self._specs.get(key)
        if known is None or known[0] != version:
            self._specs[key] = known = (version, parsed(raw))
        return known[1]

    async def _pass(self, key: Key) -> float | None:
        raw = self._triggers.get(*key)
        spec = None if raw is None else self._spec(raw)
        if raw is None or spec is None:
            return None
        now, metadata = self._clock(), raw["metadata"]
        status = raw.get("status") or {}
        began = from_rfc3339(metadata["creationTimestamp"])
        mark = mark_of(status.get("mark"), began, now)
        seen = _Look(dict(status.get("counts") or {}), mark)
        if spec.schedule is not None:
            await self._schedule(raw, spec, seen, now)
        else:
            since = self._since.setdefault(key, mark)
            await self._executions(raw, spec, seen, max(began, since - MARGIN))
        if seen.mark != mark or seen.counts != (status.get("counts") or {}):
            await self._write(raw, seen)
        return None if seen.again is None else min(max(seen.again - now, 0.05), LONGEST)

    async def _schedule(self, raw: Raw, spec: TriggerSpec, seen: _Look, now: float) -> None:
        assert spec.schedule is not None
        due = schedule_type.look(spec.schedule, raw["metadata"]["uid"], seen.mark, now)
        if not spec.suspend:
            for event in due.events:
                await self._deliver(raw, spec, event, seen)
        seen.mark = due.mark
        seen.again = due.again

    async def _executions(self, raw: Raw, spec: TriggerSpec, seen: _Look, after: float) -> None:
        """Deliver what ended after that moment, the oldest first: the mark leaves none behind."""
        heard = self._heard.get(key_of(raw), {})
        for uid, (name, at) in sorted(heard.items(), key=lambda one: (one[1][1], one[0])):
            if at > after:
                ended = await self._read(raw["metadata"]["namespace"], name)
                found = ended is not None and ended["metadata"]["uid"] == uid and has_ended(ended)
                if ended is not None and found and not spec.suspend:
                    await self._deliver(raw, spec, execution_type.event_of(ended), seen)
                # What nothing was started for must not come again within the margin.
                seen.mark = max(seen.mark, at + MARGIN if spec.suspend else at)
            heard.pop(uid, None)

    async def _deliver(self, raw: Raw, spec: TriggerSpec, event: Event, seen: _Look) -> None:
        seen.heard = event.at
        _count(seen.counts, "received")
        outcome = await self._start(raw, spec, event)
        _count(seen.counts, outcome)
        if outcome == "started":
            seen.fired = self._clock()

    async def _start(self, raw: Raw, spec: TriggerSpec, event: Event) -> str:
        metadata = raw["metadata"]
        start = plan(metadata, spec, event)
        if isinstance(start, Filtered):
            return "filtered"
        if isinstance(start, Failed):
            logger.warning(
                "trigger %s/%s: %s", metadata["namespace"], metadata["name"], start.message
            )
            return "failed"
        if spec.rate_limit is not None or spec.dedupe is not None:
            made = await self._made(metadata)
            if delivered(made, start.manifest):
                return "deduplicated"
            if spec.dedupe is not None:
                newest = newest_of(made, start.dedupe)
                if newest and self._clock() < newest + parse_duration(spec.dedupe.window):
                    return "deduplicated"
                again = plan(metadata, spec, event, counter=int(newest))
                assert not isinstance(again, Filtered | Failed)
                start = again
            if spec.rate_limit is not None:
                since = self._clock() - parse_duration(spec.rate_limit.period)
                if sum(moment > since for moment, _ in made) >= spec.rate_limit.limit:
                    return "limited"
        return await self._create(metadata, start.manifest)

    async def _create(self, metadata: Mapping[str, Any], manifest: Mapping[str, Any]) -> str:
        try:
            await self._client.create(EXECUTIONS, metadata["namespace"], manifest)
        except ApiError as error:
            if error.status == 409 and error.reason == "AlreadyExists":
                return "deduplicated"
            if error.status in (400, 403, 422):
                logger.warning("trigger %s: %s", metadata["name"], error.message)
                return "failed"
            raise
        return "started"

    async def _made(self, metadata: Mapping[str, Any]) -> list[tuple[float, Mapping[str, str]]]:
        """Creation and labels of the executions that the trigger made, by a live read."""
        items, _ = await self._client.list(
            EXECUTIONS,
            metadata["namespace"],
            label_selector=f"{TRIGGER}={metadata['uid']}",
            metadata_only=True,
        )
        return [
            (from_rfc3339(item["metadata"]["creationTimestamp"]), item["metadata"]["labels"])
            for item in items
        ]

    async def _read(self, namespace: str, name: str) -> Raw | None:
        try:
            return await self._client.get(EXECUTIONS, namespace, name)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    async def _write(self, raw: Raw, seen: _Look) -> None:
        status: Raw = {"mark": to_rfc3339(seen.mark), "counts": seen.counts}
        if seen.fired is not None:
            status["lastFired"] = to_rfc3339(seen.fired)
        if seen.heard is not None:
            status["lastEvent"] = to_rfc3339(seen.heard)
        status["nextFire"] = None if seen.again is None else to_rfc3339(seen.again)
        stored = await self._patch(raw, status)
        if stored is not None:
            self._triggers.put(stored)

    async def _patch(self, raw: Raw, status: Raw) -> Raw | None:
        """The trigger with this status; None when it is gone, or another one has its name."""
        namespace, name, uid = (raw["metadata"][field] for field in ("namespace", "name", "uid"))
        known: Raw | None = raw
        # A uid guards nothing on a status: the version does, and others write conditions.
        while known is not None and known["metadata"]["uid"] == uid:
            guard = {"resourceVersion": known["metadata"]["resourceVersion"]}
            body = {"metadata": guard, "status": status}
            try:
                return await self._client.patch(
                    TRIGGERS, namespace, name, body, subresource="status"
                )
            except ApiError as error:
                if error.status not in (404, 409):
                    raise
            try:
                known = await self._client.get(TRIGGERS, namespace, name)
            except ApiError as error:
                if error.status != 404:
                    raise
                known = None
        return None


def _count(counts: Counts, what: str) -> None:
    counts[what] = counts.get(what, 0) + 1
