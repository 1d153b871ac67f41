"""Gives concurrency slots: by one guarded write to a ConfigMap per group (or workflow) and key.

A crash leaks no slot: before an execution waits for a full list, each holder is read live, and
holders that were deleted, replaced by another object, or have ended are removed. Two operators
never give the same slot: the list is written with the resourceVersion that was read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.controller.executions.admission.slot_queues import Key, Queue, Queues
from orchestrator.controller.executions.admission.slot_store import MAX_GONE, SlotStore
from orchestrator.controller.executions.reconcile_context import ReconcileContext
from orchestrator.engine.concurrency.queued_status import queued, queued_until_replaced
from orchestrator.engine.concurrency.slots import (
    Claim,
    Holder,
    SlotDecision,
    forbidden,
    held_by_ancestor,
    holders_from,
    judge,
)
from orchestrator.engine.lifecycle.admission import Refusal
from orchestrator.models.execution import ExecutionPhase

HEAD_RECHECK = 15.0
"""Seconds after which the head of a queue checks again for stale holders."""
GONE_RECHECK = 0.5
"""Delay in seconds before rechecking a list with too many stale holders."""
UNSEEN_WAIT = 0.5
"""Requeue delay in seconds while executions queued before startup rejoin the queue."""
MAX_UNSEEN_WAIT = 30.0
"""Maximum seconds to wait for them."""


@dataclass(frozen=True, slots=True)
class Queued:
    """The execution waits; only the head is requeued by time."""

    message: str
    retry_after: float | None
    """Seconds."""


@dataclass(frozen=True, slots=True)
class Stale:
    """It needs no slot: it was admitted by another process, has ended or was deleted, unreported by
    the watches."""


class Slots:
    """Admits executions one after the other, and releases their slots."""

    def __init__(self, context: ReconcileContext) -> None:
        self._context = context
        self._store = SlotStore(context)
        self._queues = Queues()
        self._unseen: set[Key] | None = None
        """Executions that were queued when this process started, and have not rejoined the queue
        yet."""
        self._began = 0.0
        self._half_admitted: dict[Key, str] = {}
        """Uids of executions that were given a slot and may still be queued: their admission was
        interrupted between its two writes, or another operator made the first one. They are
        reconciled without waiting for their turn."""

    async def admit(
        self, key: Key, claim: Claim, raw: Mapping[str, Any]
    ) -> Queued | Refusal | Stale | None:
        """None once the execution holds a slot."""
        queue = self._enqueue(key, claim)
        if self._others_to_come(key):
            return Queued(queued(claim), UNSEEN_WAIT)
        half = self._half_admitted.get(key) == claim.uid
        if queue.ahead(claim) and not half and claim.policy.value != "Forbid":
            return Queued(queued(claim), None)
        self._half_admitted.pop(key, None)
        while True:
            stored = await self._store.read(key[0], claim)
            holders = holders_from(stored)
            match judge(claim, holders, ahead=queue.ahead(claim, holders)):
                case SlotDecision.HELD:
                    break
                case SlotDecision.ADMIT if not await self._store.is_new(key[0], claim):
                    self.leave(key)
                    return Stale()
                case SlotDecision.ADMIT:
                    new = [*holders, Holder(claim.uid, claim.name)]
                    if await self._store.write(key[0], claim, stored, new):
                        break
                case verdict:
                    gone = await self._store.gone(key[0], claim, holders)
                    if not gone:
                        outcome = await self._wait(key, claim, raw, holders, verdict)
                        if isinstance(outcome, Refusal):
                            self.leave(key)
                        return outcome
                    left = [holder for holder in holders if holder not in gone]
                    await self._store.write(key[0], claim, stored, left)
                    if len(gone) >= MAX_GONE:
                        return Queued(queued(claim), GONE_RECHECK)
        self.leave(key)
        # Until its end: the write of its status may still be refused.
        self._half_admitted[key] = claim.uid
        return None

    async def _wait(
        self,
        key: Key,
        claim: Claim,
        raw: Mapping[str, Any],
        holders: Sequence[Holder],
        verdict: SlotDecision,
    ) -> Queued | Refusal:
        """Handle an execution for which there is no free slot."""
        self._requeue_half_admitted(key[0], claim, holders)
        ancestor = await self._store.ancestor(key[0], claim, raw, holders)
        if ancestor is not None:
            return held_by_ancestor(claim, ancestor)
        if verdict is SlotDecision.FORBID:
            return forbidden(claim)
        if verdict is SlotDecision.REPLACE:
            await self._store.replace(key[0], holders[0], claim)
            return Queued(queued_until_replaced(claim, holders[0]), HEAD_RECHECK)
        return Queued(queued(claim), HEAD_RECHECK)

    def _requeue_half_admitted(
        self, namespace: str, claim: Claim, holders: Sequence[Holder]
    ) -> None:
        """Requeue an execution that has a slot without knowing it: the head waits for it."""
        queue = self._queues.of(namespace, claim.slots)
        for holder in holders:
            if queue is not None and holder.uid in queue.keys:
                self._half_admitted[queue.keys[holder.uid]] = holder.uid
                self._context.queue.add(queue.keys[holder.uid])

    def leave(self, key: Key) -> None:
        """Remove the execution from its queue, and requeue the new head."""
        if self._unseen:
            self._unseen.discard(key)
        self._half_admitted.pop(key, None)
        if (head := self._queues.leave(key)) is not None:
            self._context.queue.add(head)

    def requeue_heads(self, namespace: str) -> None:
        """Requeue the head of each queue in the namespace: a holder may have ended."""
        for head in self._queues.heads(namespace):
            self._context.queue.add(head)

    async def release(self, namespace: str, claim: Claim) -> None:
        """Release the slot after the execution's end, and requeue the head."""
        self._half_admitted.pop((namespace, claim.name), None)
        while True:
            stored = await self._store.read(namespace, claim)
            holders = holders_from(stored)
            rest = [holder for holder in holders if holder.uid != claim.uid]
            if len(rest) == len(holders) or await self._store.write(namespace, claim, stored, rest):
                break
        queue = self._queues.of(namespace, claim.slots)
        if queue is not None:
            self._context.queue.add(queue.head)

    def _enqueue(self, key: Key, claim: Claim) -> Queue:
        """The queue, with the execution in its place."""
        known = self._queues.claim(key)
        if known is not None and known != claim:
            self.leave(key)  # another execution of the same name
        return self._queues.join(key, claim)

    def _others_to_come(self, key: Key) -> bool:
        """Whether executions that were ahead in the queue have not rejoined it yet."""
        now = self._context.clock()
        if self._unseen is None:
            self._began = now
            self._unseen = {
                (raw["metadata"]["namespace"], raw["metadata"]["name"])
                for raw in self._context.executions
                if (raw.get("status") or {}).get("phase") == ExecutionPhase.QUEUED
            }
        self._unseen.discard(key)
        if not self._began <= now < self._began + MAX_UNSEEN_WAIT:
            self._unseen.clear()  # they fail for some reason: no execution waits for them
        return any(namespace == key[0] for namespace, _ in self._unseen)
