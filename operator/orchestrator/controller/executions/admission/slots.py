"""Concurrency: admission by one guarded write to a ConfigMap per group (or workflow) and key.

A crash leaks no slot: whoever finds the list full asks the API server for each holder, and drops
those that are gone, are another object, or have ended. Two operators give none twice: the list is
written with the resourceVersion that was read.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from orchestrator.controller.executions.observe.looking import live
from orchestrator.controller.executions.shell import Shell
from orchestrator.engine.admission import Refusal
from orchestrator.engine.concurrency import (
    Claim,
    Holder,
    Order,
    Verdict,
    forbidden,
    held_by_ancestor,
    holders_from,
    holders_to,
    judge,
)
from orchestrator.engine.records import clip
from orchestrator.engine.retention import ended_at
from orchestrator.engine.times import to_rfc3339
from orchestrator.kube.client import ApiError
from orchestrator.kube.resources import CONFIG_MAPS, EXECUTIONS
from orchestrator.models.execution import ExecutionPhase
from orchestrator.models.labels import MANAGED_BY, MANAGER
from orchestrator.models.reasons import Reason

RECHECK = 15.0
"""Seconds after which the head of a queue checks again whether a holder is gone."""
MAX_GONE = 200
"""Holders that are found not to hold in one pass: a list may be edited to name tens of thousands,
and each takes a live read."""
SOON = 0.5
"""Seconds after which the rest of such a list is read."""
UNSEEN_WAIT = 0.5
"""Seconds that the first wait for those who queued before the operator began."""
MAX_UNSEEN_WAIT = 30.0
"""Seconds for which they are waited for, in all."""
GROUP = "automation.itechsmart.dev/concurrency-group"
KEY = "automation.itechsmart.dev/concurrency-key"
"""Annotations: what the slots are of."""

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Queued:
    """The execution waits; only the head is requeued by itself."""

    message: str
    again: float | None


@dataclass(frozen=True, slots=True)
class Stale:
    """It needs no slot: it was admitted by another, has ended or is gone, and no watch said so."""


@dataclass(slots=True)
class _Queue:
    order: list[Order] = field(default_factory=list)
    keys: dict[str, Key] = field(default_factory=dict)
    """Keys of executions by uid."""

    def ahead(self, claim: Claim, holders: Sequence[Holder] = ()) -> int:
        """How many are ahead of the claim, without those that hold a slot by now."""
        held = {holder.uid for holder in holders}
        return sum(
            uid not in held for *_, uid in self.order[: bisect_left(self.order, claim.order)]
        )


class Slots:
    """Admits executions one after the other, and gives their slots back."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._queues: dict[tuple[str, str], _Queue] = {}
        self._waiting: dict[Key, tuple[Claim, str]] = {}
        """Claims that wait, with their namespace."""
        self._unseen: set[Key] | None = None
        """Executions that were queued when this process began, and are not queued again yet."""
        self._began = 0.0
        self._half: set[str] = set()
        """Uids that were given a slot and may still be in line: their admission was cut off between
        its two writes, or another operator made the first. None of them waits for its place."""

    async def admit(
        self, key: Key, claim: Claim, raw: Mapping[str, Any]
    ) -> Queued | Refusal | Stale | None:
        """None once the execution holds a slot."""
        queue = self._stand_in_line(key, claim)
        if self._others_to_come(key):
            return Queued(f"{claim.words}; queued", UNSEEN_WAIT)
        if queue.ahead(claim) and claim.uid not in self._half and claim.policy.value != "Forbid":
            return Queued(f"{claim.words}; queued", None)
        self._half.discard(claim.uid)
        while True:
            stored = await self._read(key[0], claim.slots)
            holders = holders_from(stored)
            match judge(claim, holders, ahead=queue.ahead(claim, holders)):
                case Verdict.HELD:
                    break
                case Verdict.ADMIT if not await self._is_new(key[0], claim):
                    self.leave(key)
                    return Stale()
                case Verdict.ADMIT:
                    new = [*holders, Holder(claim.uid, claim.name)]
                    if await self._write(key[0], claim, stored, new):
                        break
                case verdict:
                    gone = await self._gone(key[0], claim, holders)
                    if not gone:
                        comes_to = await self._wait(key, claim, raw, holders, verdict)
                        if isinstance(comes_to, Refusal):
                            self.leave(key)
                        return comes_to
                    left = [holder for holder in holders if holder not in gone]
                    await self._write(key[0], claim, stored, left)
                    if len(gone) >= MAX_GONE:
                        return Queued(f"{claim.words}; queued", SOON)
        self.leave(key)
        self._half.add(claim.uid)  # until its end: the write of its status may still be refused
        return None

    async def _wait(
        self,
        key: Key,
        claim: Claim,
        raw: Mapping[str, Any],
        holders: Sequence[Holder],
        verdict: Verdict,
    ) -> Queued | Refusal:
        """What becomes of an execution for which there is no slot now."""
        self._finish_half(key[0], claim, holders)
        ancestor = await self._ancestor(key[0], claim, raw, holders)
        if ancestor is not None:
            return held_by_ancestor(claim, ancestor)
        if verdict is Verdict.FORBID:
            return forbidden(claim)
        if verdict is Verdict.REPLACE:
            await self._replace(key[0], holders[0], claim)
            return Queued(f"{claim.words}; queued until {holders[0].name} is replaced", RECHECK)
        return Queued(f"{claim.words}; queued", RECHECK)

    def _finish_half(self, namespace: str, claim: Claim, holders: Sequence[Holder]) -> None:
        """Requeue whichever execution has a slot and does not know it: the head waits for it."""
        waiting = self._queues[namespace, claim.slots].keys
        for holder in holders:
            if holder.uid in waiting:
                self._half.add(holder.uid)
                self._shell.queue.add(waiting[holder.uid])

    def leave(self, key: Key) -> None:
        """The execution no longer waits; the new head is requeued."""
        if self._unseen:
            self._unseen.discard(key)
        known = self._waiting.pop(key, None)
        if known is None:
            return
        claim, namespace = known
        self._half.discard(claim.uid)
        queue = self._queues[namespace, claim.slots]
        queue.keys.pop(claim.uid, None)
        place = bisect_left(queue.order, claim.order)
        if place < len(queue.order) and queue.order[place] == claim.order:
            del queue.order[place]
        if not queue.order:
            del self._queues[namespace, claim.slots]
            return
        self._shell.queue.add(queue.keys[queue.order[0][2]])

    def requeue_heads(self, namespace: str) -> None:
        """Requeue the head of each queue of the namespace: a holder may have ended."""
        for (where, _), queue in self._queues.items():
            if where == namespace:
                self._shell.queue.add(queue.keys[queue.order[0][2]])

    async def release(self, namespace: str, claim: Claim) -> None:
        """Give the slot back after the execution's end, and requeue the head."""
        self._half.discard(claim.uid)
        while True:
            stored = await self._read(namespace, claim.slots)
            holders = holders_from(stored)
            rest = [holder for holder in holders if holder.uid != claim.uid]
            if len(rest) == len(holders) or await self._write(namespace, claim, stored, rest):
                break
        queue = self._queues.get((namespace, claim.slots))
        if queue is not None:
            self._shell.queue.add(queue.keys[queue.order[0][2]])

    def _stand_in_line(self, key: Key, claim: Claim) -> _Queue:
        """The queue, with the execution in its place."""
        known = self._waiting.get(key)
        if known is not None and known[0] != claim:
            self.leave(key)  # another execution of the same name
            known = None
        queue = self._queues.setdefault((key[0], claim.slots), _Queue())
        if known is None:
            self._waiting[key] = claim, key[0]
            insort(queue.order, claim.order)
            queue.keys[claim.uid] = key
        return queue

    def _others_to_come(self, key: Key) -> bool:
        """Whether some that were in the queue before are still to take their places."""
        now = self._shell.clock()
        if self._unseen is None:
            self._began = now
            self._unseen = {
                (raw["metadata"]["namespace"], raw["metadata"]["name"])
                for raw in self._shell.executions
                if (raw.get("status") or {}).get("phase") == ExecutionPhase.QUEUED
            }
        self._unseen.discard(key)
        if not self._began <= now < self._began + MAX_UNSEEN_WAIT:
            self._unseen.clear()  # something is wrong with them: nobody waits for that
        return any(namespace == key[0] for namespace, _ in self._unseen)

    async def _read(self, namespace: str, name: str) -> Mapping[str, Any] | None:
        try:
            return await self._shell.client.get(CONFIG_MAPS, namespace, name)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    async def _write(
        self,
        namespace: str,
        claim: Claim,
        stored: Mapping[str, Any] | None,
        holders: Sequence[Holder],
    ) -> bool:
        """Whether the list is now this one; False when someone else wrote first."""
        client = self._shell.client
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

    async def _gone(self, namespace: str, claim: Claim, holders: Sequence[Holder]) -> set[Holder]:
        """The first holders that do not hold by a live read: gone, another object, or ended.

        Nor does an execution of another workflow: whoever may edit ConfigMaps could have it
        replaced. Once as many hold as the limit allows, the others make no difference.
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

    async def _runs(self, namespace: str, claim: Claim, holder: Holder) -> bool:
        raw = await self._execution(namespace, holder.name)
        if raw is None or raw["metadata"]["uid"] != holder.uid:
            return False
        if not claim.covers(raw["spec"]["workflow"]):
            return False
        phase = (raw.get("status") or {}).get("phase")
        return not (phase and ExecutionPhase(phase).terminal)

    async def _is_new(self, namespace: str, claim: Claim) -> bool:
        """Whether it is still to be admitted, by a live read: watches may have lost its end."""
        raw = await self._execution(namespace, claim.name)
        if raw is None or raw["metadata"]["uid"] != claim.uid:
            return False
        status = raw.get("status") or {}
        return not status.get("revision") and not ended_at(status)

    async def _execution(self, namespace: str, name: str) -> Mapping[str, Any] | None:
        return await live(self._shell, EXECUTIONS, namespace, name)

    async def _ancestor(
        self, namespace: str, claim: Claim, raw: Mapping[str, Any], holders: Sequence[Holder]
    ) -> str | None:
        """The name of an execution that holds a slot and waits for this one."""
        held = {holder.uid for holder in holders}
        parent = raw["spec"].get("parent")
        while parent:
            holder = Holder(parent["uid"], parent["name"])
            if holder.uid in held and await self._runs(namespace, claim, holder):
                return holder.name
            found = await self._execution(namespace, parent["name"])
            parent = (found or {"spec": {}})["spec"].get("parent")
        return None

    async def _replace(self, namespace: str, oldest: Holder, claim: Claim) -> None:
        """Ask the oldest holder to end, once; its own pass acts on it like on a cancel."""
        raw = await self._execution(namespace, oldest.name)
        if raw is None or raw["metadata"]["uid"] != oldest.uid:
            return
        status = raw.get("status") or {}
        if status.get("cancelRequested") or ended_at(status):
            return
        request = {
            "at": to_rfc3339(self._shell.clock()),
            "reason": Reason.REPLACED,
            "message": clip(f"{claim.name} replaces it: {claim.words}"),
        }
        metadata = raw["metadata"]
        body = {
            "metadata": {"uid": oldest.uid, "resourceVersion": metadata["resourceVersion"]},
            "status": {"cancelRequested": request},
        }
        try:
            await self._shell.client.patch(
                EXECUTIONS, namespace, oldest.name, body, subresource="status"
            )
        except ApiError as error:
            if error.status not in (404, 409):
                raise
            self._shell.queue.add((namespace, claim.name))


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
