"""What requests and listeners share: triggers, Secrets, the delivery of events, and reports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from orchestrator.dispatch.creator import Emit, HeldUpError
from orchestrator.dispatch.deliverer import Deliverer
from orchestrator.dispatch.delivery import Delivery
from orchestrator.dispatch.specs import Specs
from orchestrator.kube.cache import Cache, Raw
from orchestrator.kube.client import ApiClient, ApiError
from orchestrator.receiver.conditions import Conditions
from orchestrator.receiver.metrics import ReceiverMetrics, TriggerLabels
from orchestrator.receiver.secrets import Secrets
from orchestrator.receiver.statuses import Statuses
from orchestrator.triggers.registry import Trigger
from orchestrator.triggers.sources import Event


@dataclass(frozen=True, slots=True)
class Shared:
    """The parts of the process that every source of events uses."""

    client: ApiClient
    clock: Callable[[], float]
    monotonic: Callable[[], float]
    namespaces: tuple[str, ...]
    """The namespaces that are served; all if empty."""
    triggers: Cache
    """All Triggers of these, filled by a watch."""
    specs: Specs
    """Their parsed specs."""
    secrets: Secrets
    conditions: Conditions
    statuses: Statuses
    deliverer: Deliverer
    emit: Emit
    """Emits a Kubernetes Event."""
    metrics: ReceiverMetrics

    async def deliver(self, raw: Raw, trigger: Trigger, event: Event) -> Delivery:
        """Start the execution for an event of a trigger, and count the event.

        It is stored, or needs no execution, once this returns. Raises HeldUpError if a quota
        refuses it for now, and ApiError if it is not known to be stored: deliver it again.
        """
        progress = self.statuses.progress(raw)
        try:
            delivery = await self.deliverer.deliver(raw, trigger.spec, event, progress)
        except (HeldUpError, ApiError):
            self.metrics.not_stored(labels_of(raw, trigger))
            raise
        finally:
            if progress.counts or progress.last_error:
                self.statuses.add(raw, progress)
        self.metrics.delivered(labels_of(raw, trigger), delivery.outcome)
        return delivery

    def failed(self, raw: Raw, message: str) -> None:
        """Report in the trigger's status (`lastError`) what went wrong; no event is counted."""
        self.statuses.failed(raw, message)


def labels_of(raw: Raw, trigger: Trigger) -> TriggerLabels:
    """The labels of a trigger's series."""
    metadata = raw["metadata"]
    return TriggerLabels(metadata["namespace"], metadata["name"], trigger.type.key)
