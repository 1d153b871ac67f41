"""Stores the holders of the slots of a group and key in a ConfigMap, and verifies them by live
reads.

Two operators never give the same slot: the list is written with the resourceVersion that was read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.controller.executions.observe.live_read import live
from orchestrator.controller.executions.reconcile_context import ReconcileContext
from orchestrator.engine.concurrency.queued_status import replacement
from orchestrator.engine.concurrency.slots import Claim, Holder, holders_to
from orchestrator.engine.lifecycle.retention import ended_at
from orchestrator.kube.client import ApiError
from orchestrator.kube.resources import CONFIG_MAPS, EXECUTIONS
from orchestrator.models.labels import MANAGED_BY, MANAGER
from orchestrator.operations.executions import has_ended

MAX_GONE = 200
"""Maximum stale holders removed per pass; each costs one live read, and an edited list may name
tens of thousands."""
GROUP = "automation.itechsmart.dev/concurrency-group"
KEY = "automation.itechsmart.dev/concurrency-key"
"""Annotations: the group and key of the slots."""


class SlotStore:
    """Reads and writes the lists, and checks whether the listed executions still hold their
    slots."""

    def __init__(self, context: ReconcileContext) -> None:
        self._context = context

    async def read(self, namespace: str, claim: Claim) -> Mapping[str, Any] | None:
        """The ConfigMap of the claim's slots; None if they have no holder."""
        return await live(self._context, CONFIG_MAPS, namespace, claim.slots)

    async def write(
        self,
        namespace: str,
        claim: Claim,
        stored: Mapping[str, Any] | None,
        holders: Sequence[Holder],
    ) -> bool:
        """Write the list; False if someone else wrote first."""
        client = self._context.client
        try:
            if stored is None:
                await client.create(CONFIG_MAPS, namespace, _manifest(namespace, claim, holders))
            elif not holders:
                metadata = stored["metadata"]
                await client.delete(
                    CONFIG_MAPS,
                    namespace,
                    claim.slots,
                    uid=metadata["uid"],
                    resource_version=metadata["resourceVersion"],
                )
            else:
                version = stored["metadata"]["resourceVersion"]
                body = {"metadata": {"resourceVersion": version}, "data": holders_to(holders)}
                await client.patch(CONFIG_MAPS, namespace, claim.slots, body)
        except ApiError as error:
            if error.status in (404, 409):
                return False
            raise
        return True

    async def gone(self, namespace: str, claim: Claim, holders: Sequence[Holder]) -> set[Holder]:
        """The first stale holders by a live read: deleted, another object, or ended.

        So is an execution of another workflow: otherwise any user who may edit ConfigMaps could
        have it replaced. Once as many holders are found as the limit allows, the others need no
        check.
        """
        gone: set[Holder] = set()
        running = 0
        for holder in holders:
            if await self._runs(namespace, claim, holder):
                running += 1
            else:
                gone.add(holder)
            if running >= claim.limit or len(gone) >= MAX_GONE:
                break
        return gone

    async def is_new(self, namespace: str, claim: Claim) -> bool:
        """Whether the claim's execution is still to be admitted, by a live read: watches may have
        missed its end."""
        raw = await self._execution(namespace, claim.name)
        if raw is None or raw["metadata"]["uid"] != claim.uid:
            return False
        status = raw.get("status") or {}
        return not status.get("revision") and not ended_at(status)

    async def ancestor(
        self, namespace: str, claim: Claim, raw: Mapping[str, Any], holders: Sequence[Holder]
    ) -> str | None:
        """The name of an ancestor that holds a slot and waits for this execution."""
        held = {holder.uid for holder in holders}
        parent = raw["spec"].get("parent")
        while parent:
            holder = Holder(parent["uid"], parent["name"])
            if holder.uid in held and await self._runs(namespace, claim, holder):
                return holder.name
            found = await self._execution(namespace, parent["name"])
            parent = (found or {"spec": {}})["spec"].get("parent")
        return None

    async def replace(self, namespace: str, oldest: Holder, claim: Claim) -> None:
        """Ask the oldest holder to end, once; its own pass handles it like a cancellation."""
        raw = await self._execution(namespace, oldest.name)
        if raw is None or raw["metadata"]["uid"] != oldest.uid:
            return
        status = raw.get("status") or {}
        if status.get("cancelRequested") or ended_at(status):
            return
        version = raw["metadata"]["resourceVersion"]
        body = {
            "metadata": {"uid": oldest.uid, "resourceVersion": version},
            "status": {"cancelRequested": replacement(claim, self._context.clock())},
        }
        try:
            await self._context.client.patch(
                EXECUTIONS, namespace, oldest.name, body, subresource="status"
            )
        except ApiError as error:
            if error.status not in (404, 409):
                raise
            self._context.queue.add((namespace, claim.name))

    async def _runs(self, namespace: str, claim: Claim, holder: Holder) -> bool:
        raw = await self._execution(namespace, holder.name)
        if raw is None or raw["metadata"]["uid"] != holder.uid:
            return False
        if not claim.covers(raw["spec"]["workflow"]):
            return False
        return not has_ended(raw)

    async def _execution(self, namespace: str, name: str) -> Mapping[str, Any] | None:
        return await live(self._context, EXECUTIONS, namespace, name)


def _manifest(namespace: str, claim: Claim, holders: Sequence[Holder]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": claim.slots,
            "namespace": namespace,
            "labels": {MANAGED_BY: MANAGER},
            "annotations": {GROUP: claim.group, KEY: claim.key},
        },
        "data": holders_to(holders),
    }
