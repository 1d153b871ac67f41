"""Triggers on changes of objects, with a whole operator in virtual time."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Mapping
from typing import Any

from orchestrator.engine.times import to_rfc3339
from tests.simulation.faults import Faults, FaultyTransport
from tests.simulation.operator_harness import manifest, store_with
from tests.simulation.scenario import NAMESPACE
from tests.simulation.store import Store
from tests.simulation.views import Raw

WORKFLOW = {
    "nodes": [{"name": "a", "transform": {"x": "1"}}],
    "history": {"succeeded": 1, "failed": 1},
}


def store_of(**spec: Any) -> Store:
    """A store with a workflow and a Trigger on changes."""
    store = store_with(manifest("Workflow", "main", WORKFLOW))
    store.remove(("workflowexecutions", NAMESPACE, "run"))
    store.create("triggers", NAMESPACE, manifest("Trigger", "t", {"workflow": "main", **spec}))
    return store


def rollout(
    store: Store,
    revision: int,
    name: str = "web",
    namespace: str = NAMESPACE,
    annotations: Mapping[str, str] | None = None,
) -> None:
    """The Deployment controller reports that a rollout has finished."""
    key = ("deployments", namespace, name)
    old = store.objects.get(key)
    complete = {
        "type": "Progressing",
        "status": "True",
        "reason": "NewReplicaSetAvailable",
        "lastUpdateTime": to_rfc3339(store.clock()),
    }
    counts = dict.fromkeys(("replicas", "updatedReplicas", "availableReplicas"), 1)
    counted = {"deployment.kubernetes.io/revision": str(revision)}
    metadata = {"annotations": {**counted, **(annotations or {})}}
    body: Raw = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "spec": {"replicas": 1, "template": {"spec": {"containers": []}}, "round": revision},
        "status": {"observedGeneration": 10_000, "conditions": [complete], **counts},
    }
    if old is None:
        store.create("deployments", namespace, {**body, "metadata": {"name": name, **metadata}})
    else:
        store.replace(key, {**body, "metadata": {**old["metadata"], **metadata}})


def touch(store: Store, name: str = "web", namespace: str = NAMESPACE) -> None:
    """Somebody annotates a Deployment, which rolls out nothing."""
    key = ("deployments", namespace, name)
    old = store.objects[key]
    annotations = {**old["metadata"]["annotations"], "seen": str(store.version)}
    store.replace(key, {**old, "metadata": {**old["metadata"], "annotations": annotations}})


def made(store: Store) -> list[Raw]:
    """The executions that triggers made."""
    return [raw for raw in store.all("workflowexecutions") if raw["spec"].get("trigger")]


def fired(store: Store, field: str = "revision") -> Counter[str]:
    """What of the events started an execution, and how often."""
    return Counter(raw["spec"]["trigger"]["event"][field] for raw in made(store))


class Ever:
    """Every execution that triggers made, those that retention has removed included."""

    def __init__(self, store: Store, field: str = "revision") -> None:
        self.events: Counter[str] = Counter()
        self._field = field
        store.observers.append(self._on_change)

    def _on_change(self, plural: str, old: Raw | None, new: Raw | None) -> None:
        if plural == "workflowexecutions" and old is None and new is not None:
            trigger = new["spec"].get("trigger")
            if trigger is not None:
                self.events[trigger["event"][self._field]] += 1


def status(store: Store, name: str = "t") -> Raw:
    """The status of a Trigger."""
    found: Raw = store.objects["triggers", NAMESPACE, name].get("status") or {}
    return found


def ready(store: Store, name: str = "t") -> Raw:
    """The condition Ready of a Trigger."""
    conditions = status(store, name).get("conditions") or [{"type": "Ready", "status": ""}]
    return next(each for each in conditions if each["type"] == "Ready")


def events(store: Store) -> Counter[str]:
    """The Kubernetes Events by reason."""
    return Counter(raw["reason"] for raw in store.all("events"))


def transport_of(store: Store, seed: int = 1, **faults: float) -> FaultyTransport:
    """A transport with faults."""
    return FaultyTransport(store, Faults(**faults), random.Random(seed))


async def eventually(holds: Any, seconds: float = 60.0) -> None:
    """Wait until it holds. Raises AssertionError if it does not in time."""
    for _ in range(int(seconds * 10)):
        if holds():
            return
        await asyncio.sleep(0.1)
    raise AssertionError("it never held")
