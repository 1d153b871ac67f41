"""Memory of an operator that starts where many ended executions with large statuses are stored."""

from __future__ import annotations

import asyncio
import uuid

import orjson

from dev.bench.client import MERGE_PATCH, OURS, Api
from dev.bench.contenders import OperatorContender
from dev.bench.measuring import Bench
from dev.bench.metrics import MEMORY, Figures
from dev.bench.observer import Observer
from dev.bench.shapes import Shape, execution
from dev.bench.usage import peak_memory

EXECUTIONS, KIB = 10_000, 50
SHAPE = Shape("stored", f"{EXECUTIONS:,} stored, {KIB} KiB of status each", EXECUTIONS, limit=900.0)
QUIET = 10.0
"""Seconds that the operator has for what it does after its start."""


async def measure_stored(bench: Bench) -> Figures:
    """Store them, start the operator beside them, and see how much it took."""
    namespace = f"bench-stored-{uuid.uuid4().hex[:6]}"
    await bench.define(namespace, SHAPE)
    await asyncio.gather(*(_store(bench.api, namespace, name) for name in SHAPE.names))
    operator = OperatorContender(bench.api, bench.cluster.kubeconfig, namespace, SHAPE)
    try:
        await operator.prepare()
        observer = Observer(bench.api, namespace, SHAPE)
        await observer.counted(EXECUTIONS)
        await asyncio.sleep(QUIET)
        return {MEMORY: peak_memory(operator.pid) / 1e6}
    finally:
        await operator.stop()


async def _store(api: Api, namespace: str, name: str) -> None:
    path = f"{OURS}/namespaces/{namespace}/workflowexecutions"
    await api.create(path, execution(SHAPE, name))
    body = orjson.dumps({"status": _status()})
    await api.request("PATCH", f"{path}/{name}/status", body, content_type=MERGE_PATCH)


def _status() -> dict[str, object]:
    ended = "2026-01-01T00:00:00.000Z"
    outputs = {"text": "x" * (KIB * 1024 - 300)}
    record = {"phase": "Succeeded", "attempts": 1, "finishedAt": ended, "outputs": outputs}
    return {
        "phase": "Succeeded",
        "startedAt": ended,
        "finishedAt": ended,
        "nodes": {"c0n0": record},
    }
