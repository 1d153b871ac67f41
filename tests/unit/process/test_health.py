"""What probes are told."""

from __future__ import annotations

import socket

import aiohttp

from orchestrator.controller.telemetry.families import PREFIX
from orchestrator.controller.telemetry.operator_metrics import OperatorMetrics
from orchestrator.kube.cache import Cache
from orchestrator.kube.client import ApiClient
from orchestrator.kube.reflector import Reflector
from orchestrator.kube.resources import JOBS
from orchestrator.process.background_loop import InlineLoop
from orchestrator.process.health import LOST, MAX_SILENCE, lost, serving, unready
from orchestrator.process.queue import WorkQueue
from tests.apiserver import ApiServer
from tests.metrics import sources


async def test_ready_means_that_every_watch_was_heard_of(
    server: ApiServer, client: ApiClient
) -> None:
    await server.put("jobs", "a", "x")
    now = 0.0
    reflector = Reflector(client, JOBS, Cache(), monotonic=lambda: now)
    assert unready([reflector]) == ["the watch of jobs has not listed yet"]
    await reflector._relist(None)
    assert unready([reflector]) == []
    now = MAX_SILENCE + 1
    assert unready([reflector]) == ["the watch of jobs is silent"]
    assert lost([reflector]) == []
    now = LOST + 1
    assert lost([reflector]) == ["the watch of jobs has been silent for 601 seconds"]


async def test_probes_are_answered(client: ApiClient) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    reflector = Reflector(client, JOBS, Cache())
    metrics = OperatorMetrics()
    queue: WorkQueue[str] = WorkQueue("execution")
    for key in ("a", "b", "c"):
        queue.add(key)
    metrics.register(
        sources(responses=client.answers, queues=[queue], watches=[reflector]), "0.1.0"
    )
    metrics.execution_ended("shop", "deploy", "Succeeded")
    metrics.node_ended("action", "Failed")
    metrics.pod_ended(("shop", "run"))
    metrics.object_created(("shop", "run"))
    metrics.reconciled(("shop", "run"), 0.003)
    await client.list(JOBS)
    async with (
        serving(f"127.0.0.1:{port}", [reflector], metrics.text, InlineLoop()),
        aiohttp.ClientSession() as session,
    ):
        async with session.get(f"http://127.0.0.1:{port}/healthz") as alive:
            assert alive.status == 200
        async with session.get(f"http://127.0.0.1:{port}/readyz") as ready:
            assert ready.status == 503
            assert "has not listed" in await ready.text()
        async with session.get(f"http://127.0.0.1:{port}/metrics") as response:
            text = await response.text()
    samples = [line.removeprefix(f"{PREFIX}_") for line in text.splitlines()]
    assert 'workqueue_depth{name="execution"} 3.0' in samples
    assert 'watch_silence_seconds{resource="jobs"} +Inf' in samples
    assert 'build_info{version="0.1.0"} 1.0' in samples
    assert "leader 1.0" in samples
    assert 'api_requests_total{code="2xx",resource="jobs",verb="list"} 1.0' in samples
    assert 'nodes_finished_total{kind="action",phase="Failed"} 1.0' in samples
    finished = 'executions_finished_total{namespace="shop",phase="Succeeded",workflow="deploy"} 1.0'
    assert finished in samples
    assert "node_transition_duration_seconds_count 1.0" in samples
    assert 'reconcile_duration_seconds_bucket{le="0.005"} 1.0' in samples
