"""Creates the execution for an event exactly once, even if others have taken its name."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from orchestrator.engine.times import from_rfc3339
from orchestrator.jobs.pending import quota_message
from orchestrator.kube.cache import Raw
from orchestrator.kube.client import ApiClient, ApiError
from orchestrator.kube.resources import EXECUTIONS, TRIGGERS
from orchestrator.models.base import MAX_SALTS
from orchestrator.models.labels import TRIGGER
from orchestrator.models.reasons import EventReason
from orchestrator.operations.start import start_for_trigger
from orchestrator.triggers.plan import (
    CreatedExecution,
    Outcome,
    PlannedExecution,
    delivered,
    made_by,
)

logger = logging.getLogger(__name__)

Emit = Callable[[Mapping[str, str], EventReason, str], None]
"""Emits a Kubernetes Event: object, reason and message."""


class HeldUpError(Exception):
    """A quota refuses the execution at the moment: its event is kept and delivered again."""


class Creator:
    """Creates executions for triggers, and lists those that a trigger created."""

    def __init__(self, client: ApiClient, emit: Emit) -> None:
        self._client = client
        self._emit = emit

    async def create(self, trigger: Mapping[str, Any], start: PlannedExecution) -> Outcome:
        """Create the execution; returns the outcome of its event: started, deduplicated or failed.

        Raises HeldUpError if a quota refuses it.

        An existing name counts as delivered only if this trigger created the object: any user who
        may create executions can compute the name of the next slot. Names taken by others are
        skipped in the same order in every delivery. Once all are taken, the API server generates a
        name, which cannot be taken beforehand, after a live read found no execution for the event.
        """
        for salt in range(MAX_SALTS + 1):
            manifest = start_for_trigger(start, salt=salt)
            outcome = await self._try(trigger, manifest)
            if outcome is not None:
                return outcome
            message = (
                f"execution {manifest['metadata']['name']} was not created by this trigger; "
                "starting the event's execution under another name"
            )
            self.warn(trigger, EventReason.NAME_TAKEN, message)
        if delivered(await self.made(trigger), start):
            return Outcome.DEDUPLICATED
        return await self._try(trigger, start_for_trigger(start, salt=None)) or Outcome.FAILED

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
        return [
            (from_rfc3339(item["metadata"]["creationTimestamp"]), item["metadata"]["labels"])
            for item in items
        ]

    async def _try(self, trigger: Mapping[str, Any], manifest: Raw) -> Outcome | None:
        """The result of creating it; None if another object has the name."""
        namespace = trigger["namespace"]
        try:
            await self._client.create(EXECUTIONS, namespace, manifest)
        except ApiError as error:
            if error.status == 409 and error.reason == "AlreadyExists":
                # If the object was deleted in the meantime, this raises: the pass is repeated.
                other = await self._client.get(EXECUTIONS, namespace, manifest["metadata"]["name"])
                return Outcome.DEDUPLICATED if made_by(trigger, other) else None
            if error.status == 403 and (quota := quota_message(error.message, namespace)):
                raise HeldUpError(quota) from error
            if error.status in (400, 403, 422):
                logger.warning("trigger %s: %s", trigger["name"], error.message)
                return Outcome.FAILED
            raise
        return Outcome.STARTED

    def warn(self, trigger: Mapping[str, Any], reason: EventReason, message: str) -> None:
        """Emit a Warning Event about the trigger, and log it."""
        logger.warning("trigger %s/%s: %s", trigger["namespace"], trigger["name"], message)
        about = {
            "apiVersion": TRIGGERS.api_version,
            "kind": TRIGGERS.kind,
            **{field: trigger[field] for field in ("namespace", "name", "uid")},
        }
        self._emit(about, reason, message)
