"""Runs triggers: looks at the clock and at executions that ended, and creates what they start.

The mark of a trigger moves only when what it stands for is stored, so a crash delivers again; and
an execution's name is the hash of its event, so what is delivered again is there already.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from orchestrator.controller.offload import Inline, is_large
from orchestrator.controller.queue import WorkQueue
from orchestrator.controller.triggers.creating import Creator, Emit, HeldUpError
from orchestrator.controller.triggers.triggered import (
    Made,
    delivered,
    essence_of,
    has_ended,
    mark_of,
    newest_of,
    parsed,
)
from orchestrator.engine.retention import ended_at
from orchestrator.engine.times import from_rfc3339, to_rfc3339
from orchestrator.kube.cache import Cache, Raw, key_of
from orchestrator.kube.client import ApiClient, ApiError
from orchestrator.kube.lean import lean
from orchestrator.kube.resources import EXECUTIONS, TRIGGERS
from orchestrator.models.base import parse_duration
from orchestrator.models.reasons import EventReason
from orchestrator.models.trigger import TriggerSpec
from orchestrator.triggers import execution as execution_type
from orchestrator.triggers import schedule as schedule_type
from orchestrator.triggers.starting import Event, Failed, Filtered, plan

logger = logging.getLogger(__name__)

LONGEST = 60.0
"""Seconds after which a schedule is looked at again, whatever it says: a clock may be put right."""
MARGIN = 60.0
"""Seconds by which ends of executions may come out of order."""
LONGEST_RETRY = 30.0
"""Seconds from one creation that a quota refuses to the next, at most; at first 2."""
REMEMBERED = 5_000
"""Ended executions kept for triggers that are not known yet."""

Key = tuple[str | None, str]
Counts = dict[str, int]


@dataclass(slots=True)
class _Look:
    """What one look at a trigger comes to."""

    mark: float
    following: str | None
    """When its schedule fires next, as its status is to say."""
    counts: Counts = field(default_factory=dict)
    """What is to be added to its counts."""
    fired: float | None = None
    heard: float | None = None
    again: float | None = None
    before: list[Made] | None = None
    """What the trigger had made before its first pass in this process."""


class Triggers:
    """Works on one trigger after the other."""

    def __init__(
        self,
        client: ApiClient,
        clock: Callable[[], float],
        triggers: Cache,
        emit: Emit,
        offload: Inline | None = None,
    ) -> None:
        self._client = client
        self._creator = Creator(client, emit)
        self._clock = clock
        self._triggers = triggers
        self._offload = offload or Inline()
        self._queue: WorkQueue[Key] = WorkQueue("triggers")
        self._ended: deque[Raw] = deque(maxlen=REMEMBERED)
        self._heard: dict[Key, dict[str, tuple[str, float]]] = {}
        """Executions that ended and are to be looked at, by trigger and uid: name and when."""
        self._since: dict[Key, float] = {}
        """The mark of a trigger as this process found it: what ended before it was dealt with."""
        self._known: set[Key] = set()
        self._specs: dict[Key, tuple[tuple[str, int], TriggerSpec | None]] = {}
        """Specs as read, by trigger, for its uid and generation."""
        self._delays: dict[Key, float] = {}
        """Seconds from one try to the next of triggers whose executions a quota refuses."""
        self._judged: dict[Key, TriggerSpec | None] = {}
        """Those of the last pass."""

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
        self._judged.pop(key_of(raw), None)
        self._delays.pop(key_of(raw), None)

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

    async def _read_large(self, raw: Raw) -> None:
        """Read a spec that takes long beside the loop, once a generation."""
        key, metadata = key_of(raw), raw["metadata"]
        version = (metadata["uid"], metadata["generation"])
        known = self._specs.get(key)
        if (known is None or known[0] != version) and is_large(raw.get("spec")):
            spec = await self._offload.run(partial(parsed, raw), long=True)
            self._specs[key] = (version, spec)

    async def _pass(self, key: Key) -> float | None:
        raw = self._triggers.get(*key)
        if raw is not None:
            await self._read_large(raw)
            raw = self._triggers.get(*key)
            if raw is None:  # gone while it was read
                self._specs.pop(key, None)
        spec = None if raw is None else self._spec(raw)
        if raw is None or spec is None:
            if raw is not None:
                self._judged[key] = None
            return None
        now, metadata = self._clock(), raw["metadata"]
        status = raw.get("status") or {}
        began = from_rfc3339(metadata["creationTimestamp"])
        mark = mark_of(status.get("mark"), began, now)
        seen = _Look(mark, status.get("nextFire"))
        if self._listens_anew(key, spec):
            # What happened before is not for it, whoever looks again later.
            seen.mark = max(mark, now if spec.schedule is not None else now + MARGIN)
        try:
            if spec.schedule is not None:
                await self._schedule(raw, spec, seen, began, now)
            else:
                since = self._since.setdefault(key, mark)
                await self._executions(raw, spec, seen, max(began, since - MARGIN))
        except Exception as error:
            await self._write(raw, seen)  # what was done counts, whatever was not
            if key in self._judged:
                self._judged[key] = spec  # what it listens to since its edit is not to be lost
            if isinstance(error, HeldUpError):
                return self._hold(key, metadata, str(error))
            raise
        await self._write(raw, seen)
        self._judged[key] = spec
        self._delays.pop(key, None)
        return None if seen.again is None else min(max(seen.again - now, 0.05), LONGEST)

    def _hold(self, key: Key, metadata: Raw, why: str) -> float:
        """Keep the events of a trigger whose execution a quota refuses; seconds to the next try."""
        if key not in self._delays:
            message = f"{why}; the event waits until its execution can be created"
            self._creator.warn(metadata, EventReason.QUOTA_EXCEEDED, message)
        delay = self._delays[key] = min(2 * self._delays.get(key, 1.0), LONGEST_RETRY)
        return delay

    def _listens_anew(self, key: Key, spec: TriggerSpec) -> bool:
        """Whether it listens to something else since the last pass, or could not be valid then."""
        if key not in self._judged:
            return False
        old = self._judged[key]
        return old is None or (old.schedule, old.execution) != (spec.schedule, spec.execution)

    async def _schedule(
        self, raw: Raw, spec: TriggerSpec, seen: _Look, began: float, now: float
    ) -> None:
        assert spec.schedule is not None
        uid = raw["metadata"]["uid"]
        due = schedule_type.look(spec.schedule, uid, seen.mark, now, since=began)
        for event in due.events:
            if not spec.suspend:
                await self._deliver(raw, spec, event, seen)
            seen.mark = max(seen.mark, event.at)
        seen.mark, seen.again = due.mark, due.again
        fires = due.again is not None and not spec.suspend
        seen.following = to_rfc3339(due.again) if due.again is not None and fires else None

    async def _executions(self, raw: Raw, spec: TriggerSpec, seen: _Look, after: float) -> None:
        """Deliver what ended after that moment, the oldest first: the mark leaves none behind."""
        assert spec.execution is not None
        seen.following = None
        heard = self._heard.get(key_of(raw), {})
        for uid, (name, at) in sorted(heard.items(), key=lambda one: (one[1][1], one[0])):
            if at > after:
                ended = await self._read(raw["metadata"]["namespace"], name)
                if ended is not None and ended["metadata"]["uid"] == uid and has_ended(ended):
                    listens = execution_type.matches(spec.execution, ended)  # as it is by now
                    if listens and not spec.suspend:
                        await self._deliver(raw, spec, execution_type.event_of(ended), seen)
                # What nothing was started for must not come again within the margin.
                seen.mark = max(seen.mark, at + MARGIN if spec.suspend else at)
            heard.pop(uid, None)

    async def _deliver(self, raw: Raw, spec: TriggerSpec, event: Event, seen: _Look) -> None:
        outcome = await self._start(raw, spec, event, seen)
        seen.heard = event.at
        _count(seen.counts, "received")
        _count(seen.counts, outcome)
        if outcome == "started":
            seen.fired = self._clock()

    async def _start(self, raw: Raw, spec: TriggerSpec, event: Event, seen: _Look) -> str:
        metadata = raw["metadata"]
        start = await self._offload.run(partial(plan, metadata, spec, event))
        if isinstance(start, Filtered):
            return "filtered"
        if isinstance(start, Failed):
            logger.warning(
                "trigger %s/%s: %s", metadata["namespace"], metadata["name"], start.message
            )
            return "failed"
        if key_of(raw) not in self._judged:
            # Delivered before a restart, perhaps under a salted name whose reason is gone.
            if seen.before is None:
                seen.before = await self._creator.made(metadata)
            if delivered(seen.before, start.manifest):
                return "deduplicated"
        if spec.rate_limit is not None or spec.dedupe is not None:
            made = await self._creator.made(metadata)
            if delivered(made, start.manifest):
                return "deduplicated"
            if spec.dedupe is not None:
                newest = newest_of(made, start.dedupe)
                # By the event's own time: whoever is told of it again comes to the same.
                if newest and event.at < newest + parse_duration(spec.dedupe.window):
                    return "deduplicated"
                counted = partial(plan, metadata, spec, event, counter=int(newest))
                again = await self._offload.run(counted)
                assert not isinstance(again, Filtered | Failed)
                start = again
            if spec.rate_limit is not None:
                since = event.at - parse_duration(spec.rate_limit.period)
                if sum(moment > since for moment, _ in made) >= spec.rate_limit.limit:
                    return "limited"
        return await self._creator.create(metadata, start)

    async def _read(self, namespace: str, name: str) -> Raw | None:
        try:
            return await self._client.get(EXECUTIONS, namespace, name)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    async def _write(self, raw: Raw, seen: _Look) -> None:
        """Add what was seen to the trigger's status, as it is by now; nothing where it says so."""
        namespace, name, uid = (raw["metadata"][field] for field in ("namespace", "name", "uid"))
        known: Raw | None = raw
        # A uid guards nothing on a status: the version does, and others write conditions.
        while known is not None and known["metadata"]["uid"] == uid:
            status = self._status(known, seen)
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
                self._triggers.put(lean(stored))
                return
            try:
                known = await self._client.get(TRIGGERS, namespace, name)
            except ApiError as error:
                if error.status != 404:
                    raise
                known = None

    def _status(self, known: Raw, seen: _Look) -> Raw:
        """What changes of the status."""
        status = known.get("status") or {}
        began = from_rfc3339(known["metadata"]["creationTimestamp"])
        mark = max(seen.mark, mark_of(status.get("mark"), began, self._clock()))
        wanted: Raw = {"nextFire": seen.following}
        if mark != began or "mark" in status:
            wanted["mark"] = to_rfc3339(mark)
        if seen.counts:
            counts = dict(status.get("counts") or {})
            for what, times in seen.counts.items():
                counts[what] = counts.get(what, 0) + times
            wanted["counts"] = counts
        if seen.fired is not None:
            wanted["lastFired"] = to_rfc3339(seen.fired)
        if seen.heard is not None:
            wanted["lastEvent"] = to_rfc3339(seen.heard)
        same = all(status.get(name) == value for name, value in wanted.items())
        return {} if same else wanted


def _count(counts: Counts, what: str) -> None:
    counts[what] = counts.get(what, 0) + 1
