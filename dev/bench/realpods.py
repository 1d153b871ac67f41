"""Work on real pods: what a person waits for where a kubelet starts each container.

Moments are those at which a watch reports them; the times in a pod's status are whole seconds.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from dev.bench.client import OURS, Api, Raw
from dev.bench.shapes import API_VERSION
from dev.cluster.images import BUSYBOX_IMAGE
from orchestrator.kube.cache import JOB_NAME


@dataclass(frozen=True, slots=True)
class Work:
    """One execution; `spec` is the Workflow's, None where the demo has it."""

    workflow: str
    title: str
    spec: dict[str, Any] | None = None
    variables: dict[str, Any] = field(default_factory=dict)
    stepwise: bool = True
    """Whether its pods follow each other."""

    @property
    def key(self) -> str:
        """What `--shape` calls it."""
        return f"pods-{self.workflow.partition('-response')[0]}"


def _chain(length: int, action: str) -> dict[str, Any]:
    names = [f"n{index}" for index in range(length)]
    nodes = [{"name": name, "action": f"local/{action}"} for name in names]
    return {"nodes": nodes, "edges": [{"from": a, "to": b} for a, b in pairwise(names)]}


def _fan_out(items: int) -> dict[str, Any]:
    each = {"values": "vars.items", "as": "item", "parallelism": items}
    variables = [{"name": "items", "type": "list", "default": list(range(items))}]
    nodes = [{"name": "each", "action": "local/true", "forEach": each}]
    return {"variables": variables, "nodes": nodes}


WORK = (
    Work("chain", "chain of ten `true`", _chain(10, "true")),
    Work("chain-tmp", "the same with a writable /tmp", _chain(10, "true-tmp")),
    Work("fan", "fan-out of 50", _fan_out(50), stepwise=False),
    Work("incident-response", "the demo's incident", variables={"service": "payments"}),
)
INCIDENT = WORK[-1]
_TRUE = {"image": BUSYBOX_IMAGE, "command": ["true"]}
TEMPLATES = {"true": {**_TRUE, "volumes": []}, "true-tmp": _TRUE}


def definitions(work: Work) -> Iterator[Raw]:
    """The Templates and the Workflow of a work that the demo has not."""
    if work.spec is None:
        return
    for name, action in TEMPLATES.items():
        yield _manifest("Template", name, {"action": action})
    yield _manifest("Workflow", work.workflow, work.spec)


def _manifest(kind: str, name: str, spec: dict[str, Any]) -> Raw:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}


@dataclass(slots=True)
class PodMoments:
    """When a watch first reported each, in seconds of time.monotonic()."""

    created: float
    started: float | None = None
    """The container runs, or has ended already."""
    ended: float | None = None
    """The container has ended, whatever the pod's phase."""


@dataclass(frozen=True, slots=True)
class Step:
    """From a pod's creation to the next one's, in seconds."""

    before_start: float
    running: float
    to_next: float
    """From the container's end."""

    @property
    def seconds(self) -> float:
        """The whole step."""
        return self.before_start + self.running + self.to_next


def steps(pods: Iterable[PodMoments]) -> list[Step]:
    """The steps between pods that follow each other; of those that run side by side, the one that
    ended last before the next began counts."""
    found = []
    ordered = sorted(pods, key=lambda pod: pod.created)
    for pod in ordered:
        before = [one for one in ordered if one.ended is not None and one.ended <= pod.created]
        last = max(before, key=lambda one: one.ended or 0.0, default=None)
        if last is None or last.started is None or last.ended is None:
            continue
        to_next = pod.created - last.ended
        found.append(Step(last.started - last.created, last.ended - last.started, to_next))
    return found


class Watcher:
    """Follows the pods and the executions of one namespace."""

    def __init__(self, api: Api, namespace: str) -> None:
        self._api = api
        self._pods_path = f"/api/v1/namespaces/{namespace}/pods"
        self._executions = f"{OURS}/namespaces/{namespace}/workflowexecutions"
        self._pods: dict[str, PodMoments] = {}
        self._phase = ""
        self._over = asyncio.Event()

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Watch while the block runs; raises what ends a watch early."""
        version = await self._api.version(self._pods_path)
        async with asyncio.TaskGroup() as group:
            watches = (self._watch_pods(version), self._watch_executions(version))
            tasks = [group.create_task(watch) for watch in watches]
            yield
            for task in tasks:
                task.cancel()

    async def run(self, work: Work) -> float:
        """Create the execution; the seconds until it has ended. RuntimeError if it fails."""
        spec = {"workflow": work.workflow, "variables": work.variables}
        began = time.monotonic()
        await self._api.create(self._executions, _manifest("WorkflowExecution", "run", spec))
        await self._over.wait()
        took = time.monotonic() - began
        if self._phase != "Succeeded":
            raise RuntimeError(f"{work.title} ended {self._phase}: nothing to measure")
        return took

    def steps(self) -> list[Step]:
        """The steps between the pods seen so far."""
        return steps(self._pods.values())

    async def _watch_pods(self, version: str) -> None:
        async for _, pod in self._api.watch(self._pods_path, version, labels=JOB_NAME):
            now = time.monotonic()
            moments = self._pods.setdefault(pod["metadata"]["name"], PodMoments(now))
            state = _state(pod)
            if moments.started is None and ("running" in state or "terminated" in state):
                moments.started = now
            if moments.ended is None and "terminated" in state:
                moments.ended = now

    async def _watch_executions(self, version: str) -> None:
        async for _, raw in self._api.watch(self._executions, version):
            status = raw.get("status") or {}
            if status.get("finishedAt"):
                self._phase = status["phase"]
                self._over.set()


def _state(pod: Raw) -> Raw:
    statuses = pod["status"].get("containerStatuses") or [{}]
    state: Raw = statuses[0].get("state") or {}
    return state
