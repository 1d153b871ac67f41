"""One run of one contender: its figures."""

from __future__ import annotations

import asyncio
import statistics
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

import orjson

from dev.bench.client import OURS, Api
from dev.bench.contenders import Contender
from dev.bench.metrics import (
    CPU,
    CPU_ALL,
    CPU_ITEM,
    GAP_P50,
    GAP_P95,
    MEMORY,
    NODES,
    STATUS,
    WRITES,
    Figures,
)
from dev.bench.observer import Observer
from dev.bench.shapes import Shape, definitions
from dev.bench.usage import cpu_seconds, peak_memory
from dev.cluster.api import Cluster
from dev.cluster.audit import AuditLog

AGENT = "bench"
QUIET = 2.0
"""Seconds without a write of the contender's after which its work is over."""
_CONTROL_PLANE = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
_OTHERS = (AGENT, "kube-apiserver", "kube-controller-manager", "kube-scheduler", "fakenodes")


@dataclass(frozen=True, slots=True)
class Bench:
    """Where it all happens."""

    cluster: Cluster
    api: Api

    async def run(self, kind: type[Contender], shape: Shape) -> Figures:
        """One run in a namespace of its own. Raises RuntimeError with what went wrong."""
        namespace = f"bench-{kind.name.split()[0]}-{uuid.uuid4().hex[:6]}"
        await self.define(namespace, shape)
        contender = kind(self.api, self.cluster.kubeconfig, namespace, shape)
        try:
            async with asyncio.timeout(shape.limit):
                await contender.prepare()
                return await self._measure(contender, namespace, shape)
        except TimeoutError:
            words = f"{kind.name}: {shape.title} not done within {shape.limit:.0f} s"
            raise RuntimeError(words) from None
        finally:
            await contender.stop()

    async def define(self, namespace: str, shape: Shape) -> None:
        """A namespace with the shape's definitions."""
        await self.api.create("/api/v1/namespaces", {"metadata": {"name": namespace}})
        for plural, manifest in definitions(shape).items():
            await self.api.create(f"{OURS}/namespaces/{namespace}/{plural}", manifest)

    async def _measure(self, contender: Contender, namespace: str, shape: Shape) -> Figures:
        observer = Observer(self.api, namespace, shape)
        writes = Writes(self.cluster.audit_log, namespace)
        plane = self._control_plane()
        await writes.quiet()
        async with observer.watching():
            writes.count = 0
            own, rest = cpu_seconds([contender.pid]), cpu_seconds(plane)
            start = time.monotonic()
            await contender.work(observer)
            took = time.monotonic() - start
            await observer.settled()
            await writes.quiet()
            own = cpu_seconds([contender.pid]) - own
            rest = cpu_seconds(plane) - rest
        return {
            NODES: shape.nodes / took,
            CPU_ITEM if shape.items else CPU: 1000 * own / shape.nodes,
            CPU_ALL: 1000 * (own + rest) / shape.nodes,
            WRITES: writes.count / shape.nodes,
            MEMORY: peak_memory(contender.pid) / 1e6,
            **(await self._status(namespace, shape) if contender.keeps_status else {}),
            **_gaps(observer.gaps()),
            **await contender.figures(),
        }

    async def _status(self, namespace: str, shape: Shape) -> Figures:
        path = f"{OURS}/namespaces/{namespace}/workflowexecutions/{shape.names[0]}"
        status = (await self.api.request("GET", path))["status"]
        return {STATUS: len(orjson.dumps(status)) / 1024}

    def _control_plane(self) -> list[int]:
        pids = self.cluster.components()
        found = [pids[name] for name in _CONTROL_PLANE]
        return [pid for pid in found if pid is not None]


class Writes:
    """A contender's writes in its namespace, counted by the API server and not by itself."""

    def __init__(self, path: Path, namespace: str) -> None:
        self._log = AuditLog(path, from_now=True)
        self._namespace = namespace
        self.count = 0

    async def quiet(self) -> None:
        """Return once nothing was written for a while."""
        self._more()  # what was written until now says nothing
        more = True
        while more:
            await asyncio.sleep(QUIET)
            more = self._more()

    def _more(self) -> bool:
        before = self.count
        for write in self._log.new():
            other = write.agent.partition("/")[0] in _OTHERS
            self.count += write.namespace == self._namespace and not other
        return self.count > before


def _gaps(seconds: list[float]) -> Figures:
    if len(seconds) < 2:
        return {}
    cuts = statistics.quantiles(seconds, n=20, method="inclusive")
    return {GAP_P50: 1000 * cuts[9], GAP_P95: 1000 * cuts[18]}
