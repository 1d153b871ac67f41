"""Decides which events start an execution, from the executions that exist, and creates it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from orchestrator.dispatch.creator import Creator
from orchestrator.dispatch.delivery import Delivery, admit, twin_of
from orchestrator.dispatch.status import TriggerProgress
from orchestrator.models.trigger import TriggerSpec
from orchestrator.triggers.limits import DEFAULT_RATE_LIMIT, MAX_QUEUED, CreatedExecution, Listed
from orchestrator.triggers.plan import Outcome, PlannedExecution, delivered
from orchestrator.triggers.sources import Event


class Admission(Protocol):
    """Applies dedupe and rateLimit to an event, and creates the execution that it starts."""

    async def start(
        self,
        trigger: Mapping[str, Any],
        spec: TriggerSpec,
        event: Event,
        start: PlannedExecution,
        progress: TriggerProgress,
    ) -> Delivery:
        """The outcome of the event; `trigger` is the Trigger's metadata.

        Raises HeldUpError if a quota refuses the execution, and ApiError if it is not known
        whether it was created.
        """


LISTED_SECONDS = 1.0
"""Seconds for which a list of a trigger's executions is used, with what this process has created
since."""
LISTED_SHARE = 4.0
"""The same in multiples of what the list took: one of thousands is used longer."""


@dataclass(frozen=True, slots=True)
class _Counted:
    """A list of a trigger's executions, and when it was read; times in seconds since the epoch."""

    made: Listed
    read_at: float
    until: float


class LiveAdmission:
    """Reads the trigger's executions live: for a process that delivers a trigger's events one after
    the other."""

    def __init__(self, creator: Creator, clock: Callable[[], float]) -> None:
        self._creator = creator
        self._clock = clock
        self._recent: dict[str, deque[CreatedExecution]] = {}
        """What this process created last, by the trigger's uid: the default rateLimit counts it,
        so that not every event costs a list."""
        self._counted: dict[str, _Counted] = {}
        """By the trigger's uid."""

    async def start(
        self,
        trigger: Mapping[str, Any],
        spec: TriggerSpec,
        event: Event,
        start: PlannedExecution,
        progress: TriggerProgress,
    ) -> Delivery:
        """See Admission."""
        if progress.first:
            # Delivered before a restart, perhaps under a salted name whose reason no longer exists.
            if progress.made_before is None:
                progress.made_before = await self._creator.made(trigger)
            if delivered(progress.made_before, start):
                return Delivery(Outcome.DEDUPLICATED, twin_of(progress.made_before, start))
        recent = self._recent_of(trigger, progress)
        counted = spec.rate_limit is not None or spec.cooldown is not None or start.dedupe
        made = await self._listed(trigger) if counted else Listed(recent)
        admitted = admit(start, spec, event, made, self._clock())
        if isinstance(admitted, Delivery):
            return admitted
        # Read again until the outcome of the creation is known, unless this process created it.
        listed = self._counted.pop(trigger["uid"], None)
        delivery = await self._creator.create(trigger, admitted)
        if delivery.created is not None:
            recent.append(delivery.created)
            made.add(delivery.created)
            if listed is not None:
                self._counted[trigger["uid"]] = listed
        return delivery

    def forget(self, uid: str) -> None:
        """The trigger was deleted."""
        self._recent.pop(uid, None)
        self._counted.pop(uid, None)

    async def _listed(self, trigger: Mapping[str, Any]) -> Listed:
        """The trigger's executions, read now or a moment ago."""
        known, now = self._counted.get(trigger["uid"]), self._clock()
        if known is not None and known.read_at <= now < known.until:
            return known.made
        made = Listed(await self._creator.made(trigger))
        read_at = self._clock()
        until = read_at + max(LISTED_SECONDS, LISTED_SHARE * (read_at - now))
        self._counted[trigger["uid"]] = _Counted(made, read_at, until)
        return made

    def _recent_of(
        self, trigger: Mapping[str, Any], progress: TriggerProgress
    ) -> deque[CreatedExecution]:
        recent = self._recent.get(trigger["uid"])
        if recent is None:
            made = sorted(progress.made_before or (), key=lambda each: each.starts_at)
            counted = MAX_QUEUED + DEFAULT_RATE_LIMIT.limit
            recent = self._recent[trigger["uid"]] = deque(made, maxlen=counted)
        return recent
