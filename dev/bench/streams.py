"""The API: how soon a change of a status reaches the readers of live streams, beside kubectl.

500 streams are open, each on an execution of its own; 20 statuses are written a second, and 200
executions are read a second through the API meanwhile. `kubectl get --watch` follows the same
executions. Both times begin before the request that writes the status is sent.
"""

from __future__ import annotations

import asyncio
import re
import statistics
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import orjson

from dev.bench.client import MERGE_PATCH, OURS, Api
from dev.bench.processes import started
from dev.bench.usage import cpu_seconds, peak_memory
from dev.cluster.api import Cluster
from dev.cluster.tools import kubectl
from dev.ports import free_port

SHAPE = "api-streams"
STREAMS = 500
WRITES, READS = 20, 200
"""Statuses written, and executions read, a second."""
SECONDS = 20.0
NAMESPACE = "bench-streams"
_LIMITS = ("--rate=10000", "--burst=10000", "--max-requests=512", "--caller-requests=512",
           f"--caller-streams={STREAMS}")  # fmt: skip
_ID = re.compile(rb"id: (\d+)")


async def streams(cluster: Cluster) -> str:
    """The measurement, in words."""
    arrived: dict[str, float] = {}
    shown: dict[str, float] = {}
    async with Api(cluster.kubeconfig, "bench") as api:
        token = await _prepare(api)
        async with _api(cluster.kubeconfig) as (pid, port):
            session = aiohttp.ClientSession(
                f"http://127.0.0.1:{port}",
                headers={"Authorization": f"Bearer {token}"},
                connector=aiohttp.TCPConnector(limit=0),
                timeout=aiohttp.ClientTimeout(total=None),
            )
            async with session, asyncio.TaskGroup() as group, _watching(cluster, shown):
                opened = asyncio.Semaphore(0)
                following = [
                    group.create_task(_follow(session, number, arrived, opened))
                    for number in range(STREAMS)
                ]
                for _ in following:
                    await opened.acquire()
                before = cpu_seconds([pid])
                reading = group.create_task(_read(session))
                sent = await _write(api)
                reads = await reading
                used = cpu_seconds([pid]) - before
                memory = peak_memory(pid)
                await asyncio.sleep(1.0)
                for each in following:
                    each.cancel()
    return _words(sent, arrived, shown, reads, used, memory)


def _words(
    sent: dict[str, float],
    arrived: dict[str, float],
    shown: dict[str, float],
    reads: list[float],
    used: float,
    memory: int,
) -> str:
    lines = []
    for name, seen in (("a stream of the API", arrived), ("kubectl get --watch", shown)):
        taken = [seen[version] - began for version, began in sent.items() if version in seen]
        marks = [1000 * mark for mark in statistics.quantiles(taken, n=100)]
        lines.append(
            f"status write → {name}: p50 {marks[49]:.0f} ms, p99 {marks[98]:.0f} ms"
            f" ({len(taken)} of {len(sent)})"
        )
    marks = [1000 * mark for mark in statistics.quantiles(reads, n=100)]
    lines.append(
        f"{STREAMS} streams, {WRITES} writes/s; {len(reads) / SECONDS:.0f} of {READS} reads/s: p50"
        f" {marks[49]:.0f} ms, p99 {marks[98]:.0f} ms; {memory / 2**20:.0f} MiB at most,"
        f" {used / SECONDS:.2f} cores"
    )
    return "\n".join(lines)


async def _prepare(api: Api) -> str:
    """Executions that run, and the token of a user who may read them."""
    account = {"metadata": {"name": "reader"}}
    place = f"/api/v1/namespaces/{NAMESPACE}"
    await api.create("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    await api.create(f"{place}/serviceaccounts", account)
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
    subject = {"kind": "ServiceAccount", "name": "reader", "namespace": NAMESPACE}
    binding = {"metadata": {"name": NAMESPACE}, "roleRef": role, "subjects": [subject]}
    await api.create("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", binding)

    async def one(number: int) -> None:
        manifest = {
            "apiVersion": "automation.itechsmart.dev/v1alpha1",
            "kind": "WorkflowExecution",
            "metadata": {"name": f"run-{number}"},
            "spec": {"workflow": "bench"},
        }
        await api.create(f"{OURS}/namespaces/{NAMESPACE}/workflowexecutions", manifest)
        await _progress(api, number, 0)

    await asyncio.gather(*map(one, range(STREAMS)))
    body = {"spec": {"expirationSeconds": 3600}}
    issued = await api.create(f"{place}/serviceaccounts/reader/token", body)
    token: str = issued["status"]["token"]
    return token


async def _progress(api: Api, number: int, step: int) -> str:
    """Write a status; its version."""
    record = {"phase": "Running", "message": f"step {step}"}
    status = {"phase": "Running", "progress": f"{step}/99", "nodes": {"check": record}}
    path = f"{OURS}/namespaces/{NAMESPACE}/workflowexecutions/run-{number}/status"
    body = orjson.dumps({"status": status})
    written = await api.request("PATCH", path, body, content_type=MERGE_PATCH)
    version: str = written["metadata"]["resourceVersion"]
    return version


async def _follow(
    session: aiohttp.ClientSession,
    number: int,
    arrived: dict[str, float],
    opened: asyncio.Semaphore,
) -> None:
    path = f"/automation/executions/{NAMESPACE}:run-{number}/events"
    async with session.get(path) as answer:
        answer.raise_for_status()
        first = True
        async for line in answer.content:
            if match := _ID.match(line):
                arrived.setdefault(match[1].decode(), time.monotonic())
                if first:
                    opened.release()
                first = False


async def _write(api: Api) -> dict[str, float]:
    """Write statuses at the rate; when each version was sent."""
    sent: dict[str, float] = {}

    async def one(number: int) -> None:
        began = time.monotonic()
        sent[await _progress(api, number % STREAMS, 1 + number // STREAMS)] = began

    async with asyncio.TaskGroup() as group:
        async for number in _paced(WRITES):
            group.create_task(one(number))
    return sent


async def _read(session: aiohttp.ClientSession) -> list[float]:
    """Read executions at the rate; the seconds of each that was not refused as too many."""
    taken: list[float] = []

    async def one(number: int) -> None:
        began = time.monotonic()
        path = f"/automation/executions/{NAMESPACE}:run-{number * 7 % STREAMS}"
        async with session.get(path) as answer:
            if answer.status == 429:
                return
            answer.raise_for_status()
            await answer.read()
        taken.append(time.monotonic() - began)

    async with asyncio.TaskGroup() as group:
        async for number in _paced(READS):
            group.create_task(one(number))
    return taken


async def _paced(rate: int) -> AsyncIterator[int]:
    """Numbers from 0, at a rate a second, for SECONDS."""
    began = time.monotonic()
    for number in range(int(rate * SECONDS)):
        await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
        yield number


@asynccontextmanager
async def _api(kubeconfig: Path) -> AsyncIterator[tuple[int, int]]:
    """The API as a process of its own: its process id, and its port."""
    port = free_port()
    options = ["api", f"--address=127.0.0.1:{port}", "--log-level=warning", *_LIMITS]
    async with started("orchestrator", *options, kubeconfig=kubeconfig) as process:
        async with asyncio.timeout(60):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except OSError:
                    await asyncio.sleep(0.1)
                else:
                    writer.close()
                    break
        yield process.pid, port


@asynccontextmanager
async def _watching(cluster: Cluster, shown: dict[str, float]) -> AsyncIterator[None]:
    """kubectl follows the executions; when it shows each version."""
    process = await asyncio.create_subprocess_exec(
        str(kubectl()), f"--kubeconfig={cluster.kubeconfig}", "-n", NAMESPACE, "get",
        "workflowexecutions", "--watch", "--no-headers",
        "-o=custom-columns=VERSION:.metadata.resourceVersion", stdout=PIPE,
    )  # fmt: skip
    listing = asyncio.create_task(_lines(process, shown))
    try:
        yield
    finally:
        process.terminate()
        await process.wait()
        await listing


async def _lines(process: Process, shown: dict[str, float]) -> None:
    assert process.stdout is not None
    async for line in process.stdout:
        shown.setdefault(line.decode().strip(), time.monotonic())
