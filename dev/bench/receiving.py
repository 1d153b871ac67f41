"""The receiver: its latency under load, its throughput, and how soon an event has a Job.

- in front of a store that answers at once, 500 signed webhooks a second for 20 seconds;
- in front of a real API server, as many executions as a bare client that creates the same ones,
  and as a process that only passes their manifests on (dev.bench.hop);
- beside the operator, from sending an event to the creation of its first Job, against the creation
  of both objects by hand.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import yaml

from dev.bench.client import OURS, Api, Raw
from dev.bench.contenders import OperatorContender
from dev.bench.processes import started
from dev.bench.sending import Send, both_by_hand, creator, passed_on, sender
from dev.bench.shapes import Shape, definitions
from dev.bench.stubstore import NAMESPACE, secret, trigger
from dev.cluster.api import Cluster
from dev.ports import free_port

SHAPE = "receiver"
RATE, SECONDS = 500, 20.0
"""Webhooks a second in front of the stub, and for how long."""
STORED = 2_000
"""Executions in front of the real API server."""
AT_ONCE = 16
"""Requests under way at once there."""
EVENTS = 40
"""Events whose first Job is waited for."""
_ONE = Shape("one", "one node", 1, length=1)


async def against_stub() -> str:
    """The latency in front of a store that answers at once."""
    port = free_port()
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "stub",
        "contexts": [{"name": "stub", "context": {"cluster": "stub", "user": "stub"}}],
        "clusters": [{"name": "stub", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "users": [{"name": "stub", "user": {}}],
    }
    with tempfile.TemporaryDirectory() as folder:
        kubeconfig = Path(folder) / "kubeconfig"
        kubeconfig.write_text(yaml.safe_dump(config))
        async with (
            started("dev.bench.stubstore", str(port)),
            _receiver(kubeconfig, NAMESPACE) as url,
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session,
        ):
            send = sender(session, url, NAMESPACE)
            await _paced(send, 100, 2.0)
            taken = await _paced(send, RATE, SECONDS)
    marks = statistics.quantiles(taken, n=100)
    return (
        f"{RATE} signed webhooks/s for {SECONDS:.0f} s, a store that answers at once: "
        f"p50 {1000 * marks[49]:.1f} ms, p99 {1000 * marks[98]:.1f} ms, "
        f"slowest {1000 * max(taken):.1f} ms; all {len(taken):,} answered 202"
    )


async def against_server(cluster: Cluster) -> str:
    """The throughput in front of the API server, against a bare client's and a bare hop's."""
    async with Api(cluster.kubeconfig, "bench") as api:
        names = [f"bench-{word}-{uuid.uuid4().hex[:6]}" for word in ("bare", "hop", "hooks")]
        for namespace in names:
            await _define(api, namespace)
        bare, hop, hooks = names
        async with (
            _receiver(cluster.kubeconfig, hooks) as url,
            _hop(cluster.kubeconfig) as hop_url,
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session,
        ):
            send = sender(session, url, hooks)
            await _closed(send, 50)
            (sample, *_) = await _executions(api, hooks)
            contenders = [
                creator(api, bare, sample),
                passed_on(session, hop_url, hop, sample),
                send,
            ]
            rates: list[list[float]] = [[] for _ in contenders]
            for turn in range(2):  # turn about, so that what is stored burdens all
                for each, contender in zip(rates, contenders, strict=True):
                    first = (turn + 1) * STORED
                    each.append(await _closed(contender, STORED // 2, first))
    floor, passed, own = (statistics.mean(each) for each in rates)
    return (
        f"{STORED:,} executions, {AT_ONCE} at once: {own:.0f}/s by the receiver,"
        f" {floor:.0f}/s by a bare client that creates the same objects ({own / floor:.2f}),"
        f" {passed:.0f}/s by a process that passes them on unread ({own / passed:.2f})"
    )


async def until_job(cluster: Cluster) -> str:
    """The time from an event to its first Job, against two creations by hand."""
    async with Api(cluster.kubeconfig, "bench") as api:
        namespace, by_hand = (f"bench-{word}-{uuid.uuid4().hex[:6]}" for word in ("job", "hand"))
        for each in (namespace, by_hand):
            await _define(api, each)
        operator = OperatorContender(api, cluster.kubeconfig, namespace, _ONE)
        await operator.prepare()
        try:
            async with (
                _receiver(cluster.kubeconfig, namespace) as url,
                aiohttp.ClientSession() as session,
            ):
                taken = await _to_jobs(api, namespace, sender(session, url, namespace))
        finally:
            await operator.stop()
        (execution, *_) = await _executions(api, namespace)
        path = f"/apis/batch/v1/namespaces/{namespace}/jobs"
        job = (await api.request("GET", path))["items"][0]
        floor = await _to_jobs(api, by_hand, both_by_hand(api, by_hand, execution, job))
    own, bare = 1000 * statistics.median(taken), 1000 * statistics.median(floor)
    return (
        f"event → first Job, median of {EVENTS}: {own:.0f} ms; both objects created by hand"
        f" {bare:.0f} ms ({own - bare:.0f} ms more)"
    )


async def _to_jobs(api: Api, namespace: str, send: Send) -> list[float]:
    """Seconds from each sending to the moment at which the watch shows a new Job."""
    path = f"/apis/batch/v1/namespaces/{namespace}/jobs"
    added: asyncio.Queue[float] = asyncio.Queue()

    async def follow(version: str) -> None:
        async for kind, _ in api.watch(path, version):
            if kind == "ADDED":
                added.put_nowait(time.monotonic())

    following = asyncio.create_task(follow(await api.version(path)))
    taken = []
    try:
        await asyncio.sleep(2.0)  # the Job of the first request
        for number in range(EVENTS + 5):
            while not added.empty():
                added.get_nowait()
            began = time.monotonic()
            await send(number)
            async with asyncio.timeout(30):
                moment = await added.get()
            if number >= 5:  # the first ones fill caches
                taken.append(moment - began)
            await asyncio.sleep(0.2)
    finally:
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following
    return taken


async def _define(api: Api, namespace: str) -> None:
    await api.create("/api/v1/namespaces", {"metadata": {"name": namespace}})
    for plural, manifest in definitions(_ONE).items():
        await api.create(f"{OURS}/namespaces/{namespace}/{plural}", manifest)
        if plural == "workflows":
            made = trigger(workflow=manifest["metadata"]["name"])
    await api.create(f"/api/v1/namespaces/{namespace}/secrets", secret())
    await api.create(f"{OURS}/namespaces/{namespace}/triggers", made)


async def _executions(api: Api, namespace: str) -> list[Raw]:
    path = f"{OURS}/namespaces/{namespace}/workflowexecutions"
    items: list[Raw] = (await api.request("GET", path, limit="1"))["items"]
    for raw in items:
        raw |= {"apiVersion": "automation.itechsmart.dev/v1alpha1", "kind": "WorkflowExecution"}
    return items


async def _paced(send: Send, rate: int, seconds: float) -> list[float]:
    """Send at fixed moments, however long answers take; the seconds that each took."""
    began, taken, tasks = time.monotonic(), list[float](), set[asyncio.Task[None]]()

    async def one(number: int) -> None:
        due = began + number / rate
        await send(number + rate * 1_000_000)
        taken.append(time.monotonic() - due)

    for number in range(int(rate * seconds)):
        due = began + number / rate
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        tasks.add(asyncio.create_task(one(number)))
    await asyncio.gather(*tasks)
    return taken


async def _closed(send: Send, count: int, first: int = 0) -> float:
    """Send as soon as an answer is there; requests a second."""
    numbers = iter(range(first, first + count))
    began = time.monotonic()

    async def work() -> None:
        for number in numbers:
            await send(number)

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    return count / (time.monotonic() - began)


@asynccontextmanager
async def _hop(kubeconfig: Path) -> AsyncIterator[str]:
    """A bare hop; its address, once it listens."""
    port = free_port()
    async with started("dev.bench.hop", str(port), str(kubeconfig)):
        async with asyncio.timeout(60):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    break
                except OSError:
                    await asyncio.sleep(0.2)
        writer.close()
        yield f"http://127.0.0.1:{port}"


@asynccontextmanager
async def _receiver(kubeconfig: Path, namespace: str) -> AsyncIterator[str]:
    """A receiver for a namespace; its address, once its Trigger is received."""
    port = free_port()
    address = f"127.0.0.1:{port}"
    options = ["receiver", f"--address={address}", f"--namespace={namespace}"]
    options += ["--log-level=warning", "--max-requests-per-trigger=1000"]
    async with started("orchestrator", *options, kubeconfig=kubeconfig):
        async with aiohttp.ClientSession() as session:
            send = sender(session, f"http://{address}", namespace)
            async with asyncio.timeout(60):
                while True:
                    try:
                        await send(-1)
                        break
                    except (aiohttp.ClientError, RuntimeError):
                        await asyncio.sleep(0.2)
        yield f"http://{address}"
