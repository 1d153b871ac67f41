"""The floor: the least that any controller does for the same work, as a process of its own.

It creates the leanest Jobs there are (one container, image, command, backoffLimit) and watches
pods; the next Job is created as soon as the last pod is seen to succeed. It keeps nothing and
recovers from nothing. A fan-out is one Indexed Job, and the floor counts its pods. With `own` it
creates the operator's Jobs instead, and where the shape asks for records also the executions, and
patches each status twice: so the cost of these objects can be separated from the operator's.

Speaks lines: says `ready`, reads `go`, says `done`, ends when its input does.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from dev.bench.client import MERGE_PATCH, OURS, Api
from dev.bench.shapes import (
    AT_ONCE,
    IMAGE,
    WARM_UP,
    Shape,
    execution,
    node_name,
    shapes,
    template_spec,
)
from orchestrator.jobs.build import ExecutionIdentity, NodeJob, build_job
from orchestrator.jobs.fan_out import FanOutJob, build_fan_out
from orchestrator.jobs.names import job_name
from orchestrator.kube.cache import JOB_NAME
from orchestrator.models.template import TemplateSpec

AGENT = "bench-floor"
HOUR = 3600
# Placeholders in the stencil for what each execution has of its own.
_UID, _NAME, _JOB = "00000000-0000-0000-0000-000000000000", "the-execution", "the-job"


class Floor:
    """Runs one shape in one namespace."""

    def __init__(self, api: Api, namespace: str, shape: Shape, *, own: bool) -> None:
        self._api = api
        self._shape = shape
        self._jobs = f"/apis/batch/v1/namespaces/{namespace}/jobs"
        self._pods = f"/api/v1/namespaces/{namespace}/pods"
        self._executions = f"{OURS}/namespaces/{namespace}/workflowexecutions"
        self._own, self._records = own, own and shape.records
        self._stencils = {
            name: _own_job(shape, namespace, name) if own else _lean_job(shape)
            for name in (
                node_name(chain, index)
                for chain in range(shape.chains)
                for index in range(shape.length)
            )
        }
        self._left: dict[tuple[str, str], int] = {}
        """Pods still to succeed, by execution and node."""
        self._keys: dict[str, tuple[str, str]] = {}
        """Execution and node by the Job's name."""
        self._succeeded: dict[tuple[str, str], asyncio.Event] = {}
        self._uids: dict[str, str] = {}
        self._version = ""

    async def prepare(self) -> None:
        """What is there before the clock runs: the executions, unless they are part of the work."""
        self._version = await self._api.version(self._pods)
        if self._own and not self._records:
            await asyncio.gather(*(self._create_execution(name) for name in self._shape.names))

    async def run(self) -> None:
        """The work."""
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(self._watch())
            await asyncio.gather(*(self._run_one(name) for name in self._shape.names))
            watching.cancel()

    async def _run_one(self, name: str) -> None:
        if self._records:
            await self._create_execution(name)
            await self._record(name, {"phase": "Running", "startedAt": _now()})
        await asyncio.gather(*(self._chain(name, chain) for chain in range(self._shape.chains)))
        if self._records:
            await self._record(name, {"phase": "Succeeded", "finishedAt": _now()})

    async def _chain(self, name: str, chain: int) -> None:
        for index in range(self._shape.length):
            node = node_name(chain, index)
            succeeded = self._succeeded[name, node] = asyncio.Event()
            self._left[name, node] = self._shape.items or 1
            await self._create_job(name, node, self._stencils[node])
            await succeeded.wait()

    async def _watch(self) -> None:
        fields = "status.phase!=Pending,status.phase!=Running"
        async for kind, pod in self._api.watch(self._pods, self._version, fields=fields):
            if kind != "DELETED" and pod["status"]["phase"] == "Succeeded":
                key = self._keys[pod["metadata"]["labels"][JOB_NAME]]
                self._left[key] -= kind == "ADDED"  # later changes of it do not count
                if not self._left[key]:
                    self._succeeded[key].set()

    async def _create_execution(self, name: str) -> None:
        made = await self._api.create(self._executions, execution(self._shape, name))
        self._uids[name] = made["metadata"]["uid"]

    async def _create_job(self, name: str, node: str, stencil: bytes) -> None:
        uid = self._uids.get(name, "")
        job = job_name(self._shape.key, node, uid, 1) if self._own else f"{name}-{node}"
        self._keys[job] = name, node
        body = stencil
        for mark, value in ((_UID, uid), (_NAME, name), (_JOB, job)):
            body = body.replace(mark.encode(), value.encode())
        await self._api.request("POST", self._jobs, body)

    async def _record(self, name: str, status: dict[str, str]) -> None:
        path = f"{self._executions}/{name}/status"
        body = orjson.dumps({"status": status})
        await self._api.request("PATCH", path, body, content_type=MERGE_PATCH)


def _lean_job(shape: Shape) -> bytes:
    """A node's Job as a bare client writes it."""
    action = template_spec()["action"]
    container = {"name": "action", "image": action["image"], "command": action["command"]}
    spec: dict[str, Any] = {
        "backoffLimit": 0,
        "template": {"spec": {"restartPolicy": "Never", "containers": [container]}},
    }
    if shape.items:
        parallelism = min(AT_ONCE, shape.items)
        spec |= {"completionMode": "Indexed", "completions": shape.items}
        spec["parallelism"] = parallelism
    return orjson.dumps(
        {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": _JOB}, "spec": spec}
    )


def _own_job(shape: Shape, namespace: str, node: str) -> bytes:
    """A node's Job as the operator builds it, the execution's own words left open."""
    identity = ExecutionIdentity(_NAME, namespace, _UID, shape.key)
    template = TemplateSpec.model_validate(template_spec())
    if shape.items:
        items: list[dict[str, str]] = [{}] * shape.items
        fan = FanOutJob(node, 1, items, HOUR, None, AT_ONCE, 0, 0, replace_disrupted=False)
        manifest = build_fan_out(template, fan, identity, None, IMAGE).job
    else:
        job = NodeJob(node, 1, 0, {}, HOUR)
        manifest = build_job(template, job, identity, None, IMAGE)
    manifest["metadata"]["name"] = _JOB
    return orjson.dumps(manifest)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def main(kubeconfig: Path, namespace: str, shape: Shape, *, own: bool) -> None:
    """Prepare, and run on command."""
    async with Api(kubeconfig, AGENT) as api:
        floor = Floor(api, namespace, shape, own=own)
        await floor.prepare()
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        await floor.run()
        print("done", flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    path, where, title, jobs = sys.argv[1:]
    every = [*shapes(quick=False), *shapes(quick=True), WARM_UP]
    chosen = next(shape for shape in every if shape.title == title)
    asyncio.run(main(Path(path), where, chosen, own=jobs == "own"))
