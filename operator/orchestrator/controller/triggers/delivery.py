"""Delivers the events of triggers: each starts an execution, or is counted in the status."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

from orchestrator.controller.offload import Inline
from orchestrator.controller.triggers.create import Creator
from orchestrator.controller.triggers.status import TriggerProgress
from orchestrator.kube.cache import Raw
from orchestrator.models.trigger import TriggerSpec
from orchestrator.triggers.plan import (
    Failed,
    Outcome,
    PlannedExecution,
    apply_limits,
    delivered,
    plan,
)
from orchestrator.triggers.trigger_type import Event

logger = logging.getLogger(__name__)


OnDelivered = Callable[[str, str, str], None]
"""Called with namespace and name of the trigger, and the outcome of an event."""


class Deliverer:
    """Delivers the events of triggers."""

    def __init__(
        self,
        creator: Creator,
        clock: Callable[[], float],
        offload: Inline,
        on_delivered: OnDelivered,
    ) -> None:
        self._on_delivered = on_delivered
        self._creator = creator
        self._clock = clock
        self._offload = offload

    async def deliver(
        self, raw: Raw, spec: TriggerSpec, event: Event, progress: TriggerProgress
    ) -> None:
        """Start the execution for the event, and count the event.

        If a quota refuses the execution, raises HeldUpError and counts nothing.
        """
        outcome = await self._start(raw, spec, event, progress)
        metadata = raw["metadata"]
        logger.debug(
            "trigger %s/%s: event %s of %s is %s",
            metadata["namespace"], metadata["name"], event.identity, event.type, outcome,
        )  # fmt: skip
        progress.count(outcome, event.at)
        self._on_delivered(metadata["namespace"], metadata["name"], outcome)
        if outcome is Outcome.STARTED:
            progress.last_fired = self._clock()

    async def _start(
        self, raw: Raw, spec: TriggerSpec, event: Event, progress: TriggerProgress
    ) -> Outcome:
        metadata = raw["metadata"]
        start = await self._offload.run(partial(plan, metadata, spec, event))
        if isinstance(start, Failed):
            logger.warning(
                "trigger %s/%s: %s", metadata["namespace"], metadata["name"], start.message
            )
            return Outcome.FAILED
        if not isinstance(start, PlannedExecution):
            return start
        if progress.first:
            # Delivered before a restart, perhaps under a salted name whose reason no longer exists.
            if progress.made_before is None:
                progress.made_before = await self._creator.made(metadata)
            if delivered(progress.made_before, start):
                return Outcome.DEDUPLICATED
        if spec.rate_limit is not None or spec.dedupe is not None:
            admitted = apply_limits(start, spec, event, await self._creator.made(metadata))
            if not isinstance(admitted, PlannedExecution):
                return admitted
            start = admitted
        return await self._creator.create(metadata, start)
