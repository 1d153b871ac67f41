"""The driver for trigger types with a clock source."""

from __future__ import annotations

from typing import Any

from orchestrator.dispatch.deliverer import Deliverer
from orchestrator.dispatch.status import TriggerProgress
from orchestrator.engine.times import to_rfc3339
from orchestrator.kube.cache import Raw
from orchestrator.triggers.registry import Trigger
from orchestrator.triggers.sources import Clock


class ClockDriver:
    """Delivers events that have become due."""

    def __init__(self, deliverer: Deliverer) -> None:
        self._deliverer = deliverer

    async def drive(
        self, raw: Raw, trigger: Trigger, source: Clock[Any], progress: TriggerProgress, now: float
    ) -> None:
        """Deliver the events that became due after the trigger's mark."""
        spec, uid = trigger.spec, raw["metadata"]["uid"]
        due = source.due(trigger.settings, uid, progress.mark, now, progress.began)
        for event in due.events:
            if not spec.suspend:
                await self._deliverer.deliver(raw, spec, event, progress)
            progress.mark = max(progress.mark, event.at)
        progress.mark, progress.again = due.mark, due.again
        fires = due.again is not None and not spec.suspend
        progress.next_fire = to_rfc3339(due.again) if due.again is not None and fires else None
