"""Runs a whole operator in virtual time against the fake API server, with chosen faults."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Any

from orchestrator.controller.operator import Operator
from orchestrator.dispatch.compute import Inline
from orchestrator.kube.cache import Key, key_of
from orchestrator.kube.client import ApiClient, Raw
from orchestrator.kube.kopf_watch import Follow, Take
from orchestrator.kube.resources import Resource
from orchestrator.models.base import API_VERSION
from orchestrator.triggers.registry import REGISTRY, Registry
from tests.simulation.faults import FaultyTransport
from tests.simulation.kubelet import Kubelet, Outcome, Script
from tests.simulation.scenario import NAMESPACE, TASK
from tests.simulation.stages import AT_ONCE, Stages
from tests.simulation.store import Store
from tests.simulation.trial import START

TERMINAL = ("Succeeded", "Failed", "TimedOut", "Cancelled")


def store_with(
    *workflows: Mapping[str, Any],
    script: Script = lambda *_: Outcome("success", 2.0, 5),
    stages: Stages = AT_ONCE,
) -> Store:
    """Workflows and an execution of `main`, whose pods by default succeed after two seconds."""
    loop, rng = asyncio.get_running_loop(), random.Random(1)
    store = Store(lambda: START + loop.time(), rng)
    Kubelet(store, script, rng, stages)
    store.create("templates", NAMESPACE, TASK)
    for workflow in workflows:
        store.create("workflows", NAMESPACE, dict(workflow))
    store.create("workflowexecutions", NAMESPACE, manifest("WorkflowExecution", "run", "main"))
    return store


def manifest(kind: str, name: str, spec: Any) -> Raw:
    """A manifest of one of our kinds; an execution's spec may be its workflow's name."""
    spec = {"workflow": spec} if isinstance(spec, str) else spec
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}


async def run_to_end(store: Store, *transports: FaultyTransport) -> Raw:
    """The execution `run` once it has ended; a transport that crashes is followed by the next."""
    for transport in transports[:-1]:
        await _run_until_ended(store, transport)
    return await _run_until_ended(store, transports[-1])


async def _run_until_ended(store: Store, transport: FaultyTransport) -> Raw:
    async with running_operator(store, transport), asyncio.timeout(3600):
        while True:
            raw = store.objects["workflowexecutions", NAMESPACE, "run"]
            ended = (raw.get("status") or {}).get("phase") in TERMINAL
            if ended or transport.crashed.is_set():
                return raw
            await asyncio.sleep(0.1)


@asynccontextmanager
async def running_operator(
    store: Store,
    transport: FaultyTransport,
    offload: Inline | None = None,
    trigger_types: Registry = REGISTRY,
    follow: Follow | None = None,
    *,
    workers: int = 128,
    history: bool = False,
) -> AsyncIterator[None]:
    """A running operator, stopped when the context exits unless it was killed."""
    client = ApiClient(transport._credentials, transport)

    async def listed(
        _: object, resources: Collection[Resource], __: object, take: Take, stop: threading.Event
    ) -> None:
        for resource in resources:
            for raw in (await client.list(resource))[0]:
                take(resource, None, raw)
        while not stop.is_set():  # noqa: ASYNC110 (it is a thread's Event)
            await asyncio.sleep(1.0)

    operator = Operator(
        client,
        runner_image="example.com/runner:1",
        workers=workers,
        clock=store.clock,
        monotonic=asyncio.get_running_loop().time,
        follow=follow or listed,
        offload=offload,
        trigger_types=trigger_types,
        history=history,
    )
    over = asyncio.Event()
    running = asyncio.create_task(operator.run(over))
    try:
        yield
    finally:
        over.set()
        if not transport.dead:  # a killed operator does not shut down
            await running


def follow_changes(store: Store) -> Follow:
    """Report every change of the objects within a second, as kopf does."""

    async def follow(
        _: object, resources: Collection[Resource], __: object, take: Take, stop: threading.Event
    ) -> None:
        known: dict[tuple[Resource, Key], Raw] = {}
        while not stop.is_set():
            there = {
                (resource, key_of(raw)): raw
                for resource in resources
                for raw in store.all(resource.plural)
            }
            for (resource, key), raw in there.items():
                old = known.get((resource, key))
                if old is None or old["metadata"] != raw["metadata"]:
                    take(resource, None if old is None else "MODIFIED", raw)
            for (resource, key), raw in known.items():
                if (resource, key) not in there:
                    take(resource, "DELETED", raw)
            known = there
            await asyncio.sleep(1.0)

    return follow
