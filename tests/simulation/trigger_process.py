"""Processes that reconcile one Trigger of a cluster, one after the other."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from orchestrator.controller.triggers.reconcile import Triggers
from orchestrator.engine.times import to_rfc3339
from orchestrator.kube.cache import Cache, Raw
from orchestrator.kube.client import ApiClient, ApiError
from orchestrator.kube.resources import EXECUTIONS, TRIGGERS
from orchestrator.models.reasons import EventReason
from orchestrator.triggers.types.schedule import Schedule, evaluate
from tests.apiserver import merged
from tests.selectors import selects
from tests.simulation.world import START

NEVER = 10**9


@dataclass
class Cluster:
    """What is stored, whichever process wrote it; `crash_at` counts writes from 1."""

    trigger: Raw
    executions: dict[str, Raw] = field(default_factory=dict)
    offset: float = 0.0
    """By how much the clock is wrong, in seconds."""
    writes: int = 0
    crash_at: int = NEVER
    applied: bool = True
    """Whether the write of the crash still took effect."""
    warnings: list[str] = field(default_factory=list)
    """Messages of the Events, whichever process emitted them."""

    def emit(self, _about: object, reason: EventReason, message: str) -> None:
        kind = "Warning" if reason.warning else "Normal"
        self.warnings.append(f"{kind} {reason}: {message}")

    def clock(self) -> float:
        return START + asyncio.get_running_loop().time() + self.offset


class Process:
    """A client as one process has it: after its crash nothing it asks is answered."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.dead = asyncio.Event()

    async def get(self, resource: object, _namespace: str, name: str) -> Raw:
        await self._alive()
        if resource is TRIGGERS:
            return self._cluster.trigger
        if name not in self._cluster.executions:
            raise ApiError(404, "NotFound", name)
        return self._cluster.executions[name]

    async def list(
        self, *__: object, label_selector: str, field_selector: str = "", **___: object
    ) -> tuple[list[Raw], str]:
        await self._alive()
        query = {"labelSelector": label_selector, "fieldSelector": field_selector}
        found = self._cluster.executions.values()
        return [raw for raw in found if selects(query, raw)], "1"

    async def create(self, resource: object, namespace: str, manifest: Raw, **how: object) -> Raw:
        del resource, how

        def apply() -> Raw:
            metadata = {**manifest["metadata"]}
            drawn = f"{metadata.pop('generateName', '')}{self._cluster.writes}"
            metadata.setdefault("name", drawn)
            if metadata["name"] in self._cluster.executions:
                raise ApiError(409, "AlreadyExists", metadata["name"])
            created = to_rfc3339(self._cluster.clock())
            stored = {**metadata, "namespace": namespace, "creationTimestamp": created}
            raw = {**copy.deepcopy(manifest), "metadata": stored}
            self._cluster.executions[metadata["name"]] = raw
            return raw

        return await self._write(apply)

    async def patch(self, *key: Any, **_: object) -> Raw:
        def apply() -> Raw:
            old, body = self._cluster.trigger, key[-1]
            version = old["metadata"]["resourceVersion"]
            if body["metadata"] != {"resourceVersion": version}:
                raise ApiError(409, "Conflict", "the object has been modified")
            changed = {"metadata": {"resourceVersion": str(int(version) + 1)}}
            self._cluster.trigger = merged(old, {"status": body["status"], **changed})
            return self._cluster.trigger

        return await self._write(apply)

    async def _write(self, apply: Callable[[], Raw]) -> Raw:
        await self._alive()
        self._cluster.writes += 1
        crashes = self._cluster.writes == self._cluster.crash_at
        if crashes and not self._cluster.applied:
            await self.die()
        try:
            return apply()
        finally:
            if crashes:
                await self.die()

    async def die(self) -> None:
        self.dead.set()
        await self._alive()

    async def _alive(self) -> None:
        if self.dead.is_set():
            await asyncio.Event().wait()


async def live(cluster: Cluster, seconds: float, ended: list[Raw] | None = None) -> bool:
    """One process, told of its trigger and what ended; whether it crashed before its time."""
    process, cache = Process(cluster), Cache()
    cache.put(cluster.trigger)
    triggers = Triggers(cast("ApiClient", process), cluster.clock, cache, cluster.emit)
    work = asyncio.create_task(triggers.run())
    for raw in ended or ():
        triggers.observe(EXECUTIONS, raw)
    triggers.changed(cluster.trigger)
    try:
        await asyncio.wait_for(process.dead.wait(), seconds)
    except TimeoutError:
        return False
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
    return True


def trigger(**spec: Any) -> Raw:
    metadata = {
        "name": "t",
        "namespace": "ns",
        "uid": "u-t",
        "resourceVersion": "1",
        "generation": 1,
        "creationTimestamp": to_rfc3339(START),
    }
    return {"metadata": metadata, "spec": {"workflow": "w", **spec}}


SCHEDULE = {"cron": "*/5 * * * *", "jitter": "90s", "catchUp": 100}
HOURS = 3 * 3600.0


def slots(cluster: Cluster) -> list[str]:
    """The slots that started something, each as often as it did."""
    raws = cluster.executions.values()
    return sorted(raw["spec"]["trigger"]["event"]["scheduledAt"] for raw in raws)


def due(until: float) -> list[str]:
    """The slots until a moment, as one that looks often enough to miss none sees them."""
    mark, now, found = START, START, []
    while now < until:
        now = min(now + 1800, until)
        dealt = evaluate(Schedule.model_validate(SCHEDULE), "u-t", mark, now)
        found += [event.data["scheduledAt"] for event in dealt.events]
        mark = dealt.mark
    return sorted(set(found))


def finished(number: int, at: float) -> Raw:
    """An execution of another workflow that has ended."""
    return {
        "metadata": {"name": f"e{number}", "namespace": "ns", "uid": f"u{number}", "labels": {}},
        "spec": {"workflow": "source"},
        "status": {"phase": "Succeeded", "finishedAt": to_rfc3339(at)},
    }


def started(cluster: Cluster) -> list[str]:
    """The executions whose end started something, each as often as it did."""
    found = [raw["spec"].get("trigger") for raw in cluster.executions.values()]
    return sorted(raw["event"]["name"] for raw in found if raw)


def counts(cluster: Cluster) -> dict[str, int]:
    """What the trigger's status counts."""
    found: dict[str, int] = cluster.trigger["status"]["counts"]
    return found


@asynccontextmanager
async def working(cluster: Cluster, process: Process) -> AsyncIterator[tuple[Triggers, Cache]]:
    """A process that knows its trigger and is told of the rest by the test."""
    cache = Cache()
    cache.put(cluster.trigger)
    triggers = Triggers(cast("ApiClient", process), cluster.clock, cache, cluster.emit)
    work = asyncio.create_task(triggers.run())
    triggers.changed(cluster.trigger)
    try:
        yield triggers, cache
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


def edit(cluster: Cluster, triggers: Triggers, cache: Cache, **spec: Any) -> None:
    """Somebody changes the trigger's spec, and the watch tells of it."""
    old = cluster.trigger["metadata"]
    identity = {
        "generation": old["generation"] + 1,
        "resourceVersion": str(int(old["resourceVersion"]) + 1),
    }
    edited = {**cluster.trigger, "metadata": {**old, **identity}, "spec": {"workflow": "w", **spec}}
    cluster.trigger = edited
    cache.put(edited)
    triggers.changed(edited)
