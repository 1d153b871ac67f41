"""The condition `Receiving` of triggers: whether the receiver takes their events, and why not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from orchestrator.dispatch.creator import Emit
from orchestrator.engine.status.conditions import condition
from orchestrator.kube.cache import Cache, Raw
from orchestrator.kube.client import ApiClient, ApiError
from orchestrator.kube.resources import TRIGGERS
from orchestrator.models.reasons import EventReason, Reason
from orchestrator.triggers.readiness import RECEIVING

MAX_CONFLICTS = 5


class Conditions:
    """Writes the condition, and nothing else of a status."""

    def __init__(
        self, client: ApiClient, clock: Callable[[], float], triggers: Cache, emit: Emit
    ) -> None:
        self._client = client
        self._clock = clock
        self._triggers = triggers
        self._emit = emit

    async def receiving(self, raw: Raw, message: str = "receiving") -> None:
        """The receiver takes the events of this generation of the trigger."""
        await self._write(raw, True, Reason.RECEIVED, message)

    async def not_receiving(self, raw: Raw, reason: Reason, message: str) -> None:
        """The receiver does not take the events of this generation, for a reason."""
        await self._write(raw, False, reason, message)

    async def remove(self, raw: Raw) -> None:
        """The trigger is no longer one whose events the receiver takes."""
        await self._write(raw, None, Reason.RECEIVED, "")

    async def _write(self, raw: Raw, holds: bool | None, reason: Reason, message: str) -> None:
        """Write it into the current status; a newer generation is left to a later pass."""
        metadata = raw["metadata"]
        known = self._triggers.get(metadata["namespace"], metadata["name"]) or raw
        for _ in range(MAX_CONFLICTS):
            now = known["metadata"]
            if (now["uid"], now["generation"]) != (metadata["uid"], metadata["generation"]):
                return
            old = (known.get("status") or {}).get("conditions") or []
            conditions = [each for each in old if each.get("type") != RECEIVING]
            if holds is not None:
                generation = metadata["generation"]
                conditions.append(_kept(holds, reason, message, generation, self._clock(), old))
            if conditions == old:
                return
            body = {
                "metadata": {"resourceVersion": now["resourceVersion"]},
                "status": {"conditions": conditions},
            }
            where = now["namespace"], now["name"]
            try:
                await self._client.patch(TRIGGERS, *where, body, subresource="status")
                self._report(now, holds, message, old)
                return
            except ApiError as error:
                if error.status == 404:
                    return
                if error.status != 409:
                    raise
            try:
                known = await self._client.get(TRIGGERS, *where)
            except ApiError as error:
                if error.status == 404:
                    return
                raise

    def _report(
        self, metadata: Raw, holds: bool | None, message: str, old: Sequence[Mapping[str, Any]]
    ) -> None:
        """Emit an Event if it has begun or ceased to receive; the replica that wrote it does."""
        before = next((each["status"] for each in old if each.get("type") == RECEIVING), "True")
        if holds is None or before == str(holds):
            return
        about = {
            "apiVersion": TRIGGERS.api_version,
            "kind": TRIGGERS.kind,
            **{field: metadata[field] for field in ("namespace", "name", "uid")},
        }
        self._emit(about, EventReason.RECEIVED if holds else EventReason.NOT_RECEIVING, message)


def _kept(
    holds: bool, reason: Reason, message: str, generation: int, now: float, old: list[Any]
) -> dict[str, Any]:
    return condition(RECEIVING, holds, reason, message, generation, now, old)
