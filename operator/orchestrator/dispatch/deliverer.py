"""Delivers the events of triggers: each starts an execution, or is counted in the status."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

from orchestrator.dispatch.admission import Admission
from orchestrator.dispatch.compute import Inline
from orchestrator.dispatch.delivery import Delivery
from orchestrator.dispatch.startable import Startable
from orchestrator.dispatch.status import TriggerProgress
from orchestrator.kube.cache import Raw
from orchestrator.models.trigger import TriggerSpec
from orchestrator.triggers.plan import Failed, Outcome, PlannedExecution, plan
from orchestrator.triggers.sources import Event

logger = logging.getLogger(__name__)


OnDelivered = Callable[[str, str, str], None]
"""Called with namespace and name of the trigger, and the outcome of an event."""


class Deliverer:
    """Delivers the events of triggers."""

    def __init__(
        self,
        admission: Admission,
        clock: Callable[[], float],
        offload: Inline,
        on_delivered: OnDelivered,
        startable: Startable | None = None,
    ) -> None:
        self._on_delivered = on_delivered
        self._admission = admission
        self._startable = startable
        self._clock = clock
        self._offload = offload

    async def deliver(
        self, raw: Raw, spec: TriggerSpec, event: Event, progress: TriggerProgress
    ) -> Delivery:
        """Start the execution for the event, and count the event.

        If a quota refuses the execution, raises HeldUpError and counts nothing.
        """
        delivery = await self._start(raw, spec, event, progress)
        outcome, metadata = delivery.outcome, raw["metadata"]
        logger.debug(
            "trigger %s/%s: event %s of %s is %s",
            metadata["namespace"], metadata["name"], event.identity, event.type, outcome,
        )  # fmt: skip
        progress.count(outcome, event.at)
        self._on_delivered(metadata["namespace"], metadata["name"], outcome)
        if outcome is Outcome.STARTED:
            progress.last_fired = self._clock()
        if outcome is Outcome.FAILED:
            progress.last_error = self._clock(), delivery.message
        return delivery

    async def _start(
        self, raw: Raw, spec: TriggerSpec, event: Event, progress: TriggerProgress
    ) -> Delivery:
        metadata = raw["metadata"]
        start = await self._offload.run(partial(plan, metadata, spec, event))
        if isinstance(start, Failed):
            logger.warning(
                "trigger %s/%s: %s", metadata["namespace"], metadata["name"], start.message
            )
            return Delivery(Outcome.FAILED, message=start.message)
        if not isinstance(start, PlannedExecution):
            return Delivery(start)
        if self._startable is not None and (why := await self._startable.refusal(raw)):
            return Delivery(Outcome.FAILED, message=why)
        return await self._admission.start(metadata, spec, event, start, progress)
