"""Creates the execution for an event exactly once, even if others have taken its name."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from orchestrator.dispatch.chains import MAX_DESCENDANTS, Chains
from orchestrator.dispatch.delivery import Delivery, twin_of
from orchestrator.engine.times import from_rfc3339
from orchestrator.jobs.pending import quota_message
from orchestrator.kube.cache import Raw
from orchestrator.kube.client import ApiClient, ApiError
from orchestrator.kube.resources import EXECUTIONS, TRIGGERS
from orchestrator.models.base import MAX_SALTS
from orchestrator.models.labels import ROOT, TRIGGER
from orchestrator.models.reasons import EventReason
from orchestrator.operations.start import start_for_trigger
from orchestrator.triggers.limits import CreatedExecution
from orchestrator.triggers.plan import (
    Outcome,
    PlannedExecution,
    delivered,
    made_by,
)

logger = logging.getLogger(__name__)

Emit = Callable[[Mapping[str, str], EventReason, str], None]
"""Emits a Kubernetes Event: object, reason and message."""


class HeldUpError(Exception):
    """A quota refuses the execution for now: its event is kept and delivered again."""


class Creator:
    """Creates executions for triggers, and lists those that a trigger created."""

    def __init__(self, client: ApiClient, emit: Emit) -> None:
        self._client = client
        self._emit = emit
        self._chains = Chains(client)

    async def create(self, trigger: Mapping[str, Any], start: PlannedExecution) -> Delivery:
        """Create the execution; its event is then started, deduplicated or failed.

        Raises HeldUpError if a quota refuses it.

        An existing name counts as delivered only if this trigger created the object: any user who
        may create executions can compute the name of the next slot. Names taken by others are
        skipped in the same order in every delivery. Once all are taken, the API server generates a
        name, which cannot be taken beforehand, after a live read found no execution for the event.
        """
        namespace, root = trigger["namespace"], start.labels.get(ROOT, "")
        if not root:
            return await self._create(trigger, start)
        if not await self._chains.reserve(namespace, root):
            return await self._beyond(trigger, start, root)
        created = False
        try:
            delivery = await self._create(trigger, start)
            created = delivery.outcome is Outcome.STARTED
        finally:
            if not created:
                self._chains.release(namespace, root)
        return delivery

    async def _beyond(
        self, trigger: Mapping[str, Any], start: PlannedExecution, root: str
    ) -> Delivery:
        """An event of a chain that may have no further execution, unless it is delivered again."""
        if delivered(made := await self.made(trigger), start):
            return Delivery(Outcome.DEDUPLICATED, twin_of(made, start))
        message = (
            f"triggers have started {MAX_DESCENDANTS} executions because of the one with uid "
            f"{root}: the chain is cut, since it may be a loop"
        )
        logger.warning("trigger %s/%s: %s", trigger["namespace"], trigger["name"], message)
        return Delivery(Outcome.FAILED, message=message)

    async def _create(self, trigger: Mapping[str, Any], start: PlannedExecution) -> Delivery:
        for salt in range(MAX_SALTS + 1):
            manifest = start_for_trigger(start, salt=salt)
            delivery = await self._try(trigger, manifest)
            if delivery is not None:
                return delivery
            message = (
                f"execution {manifest['metadata']['name']} was not created by this trigger; "
                "starting the event's execution under another name"
            )
            self.warn(trigger, EventReason.NAME_TAKEN, message)
        if delivered(made := await self.made(trigger), start):
            return Delivery(Outcome.DEDUPLICATED, twin_of(made, start))
        found = await self._try(trigger, start_for_trigger(start, salt=None))
        return found or Delivery(Outcome.FAILED, message="every name is taken")

    async def made(self, trigger: Mapping[str, Any]) -> list[CreatedExecution]:
        """Creation time and labels of the executions that the trigger created, by a live read."""
        items, _ = await self._client.list(
            EXECUTIONS,
            trigger["namespace"],
            label_selector=f"{TRIGGER}={trigger['uid']}",
            # Any editor can set labels, but not this field.
            field_selector=f"spec.trigger.uid={trigger['uid']}",
            metadata_only=True,
        )
        return [created_execution(item) for item in items]

    async def _try(self, trigger: Mapping[str, Any], manifest: Raw) -> Delivery | None:
        """The result of creating it; None if another object has the name."""
        namespace = trigger["namespace"]
        try:
            stored = await self._client.create(EXECUTIONS, namespace, manifest, metadata_only=True)
        except ApiError as error:
            if error.status == 409 and error.reason == "AlreadyExists":
                # If the object was deleted in the meantime, this raises: the pass is repeated.
                name = manifest["metadata"]["name"]
                other = await self._client.get(EXECUTIONS, namespace, name)
                if not made_by(trigger, other):
                    return None
                return Delivery(Outcome.DEDUPLICATED, name)
            if error.status == 403 and (quota := quota_message(error.message, namespace)):
                raise HeldUpError(quota) from error
            if error.status in (400, 403, 422):
                logger.warning("trigger %s: %s", trigger["name"], error.message)
                return Delivery(Outcome.FAILED, message=error.message)
            raise
        created = created_execution(stored)
        return Delivery(Outcome.STARTED, created.name, created=created)

    def warn(self, trigger: Mapping[str, Any], reason: EventReason, message: str) -> None:
        """Emit a Warning Event about the trigger, and log it."""
        logger.warning("trigger %s/%s: %s", trigger["namespace"], trigger["name"], message)
        about = {
            "apiVersion": TRIGGERS.api_version,
            "kind": TRIGGERS.kind,
            **{field: trigger[field] for field in ("namespace", "name", "uid")},
        }
        self._emit(about, reason, message)


def created_execution(raw: Mapping[str, Any]) -> CreatedExecution:
    """What dedupe and rateLimit read of an execution."""
    metadata = raw["metadata"]
    created_at = from_rfc3339(metadata["creationTimestamp"])
    return CreatedExecution(created_at, metadata.get("labels") or {}, metadata["name"])
