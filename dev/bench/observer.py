"""What can be seen from outside while a contender works: the same eyes for all of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from dev.bench.client import METADATA, METADATA_LIST, OURS, Api, Raw
from dev.bench.shapes import Shape
from orchestrator.kube.cache import JOB_NAME
from orchestrator.models.labels import NODE

_BAD_ENDS = ("Failed", "TimedOut", "Cancelled")


class Observer:
    """Watches one namespace; moments are of time.monotonic()."""

    def __init__(self, api: Api, namespace: str, shape: Shape) -> None:
        self._api = api
        self._shape = shape
        self._pods = f"/api/v1/namespaces/{namespace}/pods"
        self._jobs = f"/apis/batch/v1/namespaces/{namespace}/jobs"
        self._executions = f"{OURS}/namespaces/{namespace}/workflowexecutions"
        self._created: dict[str, float] = {}
        self._succeeded: dict[str, float] = {}
        """When each Job was seen, and a pod of it that succeeded, by the Job's name."""
        self._jobs_of: dict[tuple[str, str], str] = {}
        """The Job's name by execution and node."""
        self._ended: set[str] = set()
        self._all_ended = asyncio.Event()

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Watch while the block runs; raises what ends a watch early."""
        pods = await self._api.version(self._pods)
        jobs = await self._api.version(self._jobs)
        executions = await self._api.version(self._executions)
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self._watch_pods(pods)),
                group.create_task(self._watch_jobs(jobs)),
                group.create_task(self._watch_executions(executions)),
            ]
            tasks += [group.create_task(self._watch_failures(executions, end)) for end in _BAD_ENDS]
            yield
            for task in tasks:
                task.cancel()

    async def all_ended(self) -> None:
        """Return once every execution is stored as Succeeded."""
        await self._all_ended.wait()

    async def settled(self) -> None:
        """Return once the Job controller has nothing left to do for these Jobs."""
        left = True
        while left:
            await asyncio.sleep(0.25)
            left = await self._unfinished()

    async def counted(self, count: int) -> None:
        """Return once the workflow's own figures count so many executions."""
        path = self._executions.replace("workflowexecutions", f"workflows/{self._shape.key}")
        total = 0
        while total < count:
            await asyncio.sleep(0.5)
            status = (await self._api.request("GET", path)).get("status", {})
            total = status.get("metrics", {}).get("total", 0)

    def gaps(self) -> list[float]:
        """Seconds from a pod seen to succeed to the next Job of its chain seen."""
        pairs = (
            (self._jobs_of.get((name, source), ""), self._jobs_of.get((name, target), ""))
            for name in self._shape.names
            for source, target in self._shape.successors
        )
        moments = ((self._succeeded.get(job), self._created.get(then)) for job, then in pairs)
        return [after - before for before, after in moments if before and after]

    async def _unfinished(self) -> bool:
        unfinished = f"status.successful!={self._shape.items or 1}"
        left = await self._api.request(
            "GET", self._jobs, accept=METADATA_LIST, fieldSelector=unfinished, limit="1"
        )
        return bool(left["items"])

    async def _watch_pods(self, version: str) -> None:
        fields = "status.phase=Succeeded"
        async for _, raw in self._api.watch(self._pods, version, accept=METADATA, fields=fields):
            job = raw["metadata"]["labels"].get(JOB_NAME, "")
            self._succeeded.setdefault(job, time.monotonic())

    async def _watch_jobs(self, version: str) -> None:
        async for _, raw in self._api.watch(self._jobs, version, accept=METADATA):
            metadata = raw["metadata"]
            if metadata["name"] not in self._created:
                self._created[metadata["name"]] = time.monotonic()
                self._jobs_of[_work_of(metadata)] = metadata["name"]

    async def _watch_executions(self, version: str) -> None:
        async for _, raw in self._api.watch(
            self._executions, version, accept=METADATA, fields="status.phase=Succeeded"
        ):
            self._ended.add(raw["metadata"]["name"])
            if len(self._ended) == self._shape.executions:
                self._all_ended.set()

    async def _watch_failures(self, version: str, end: str) -> None:
        async for _, raw in self._api.watch(
            self._executions, version, accept=METADATA, fields=f"status.phase={end}"
        ):
            raise RuntimeError(f"{raw['metadata']['name']} ended {end}: nothing to measure")


def _work_of(job: Raw) -> tuple[str, str]:
    """Execution and node of a Job, from its metadata; the floor puts both into the name."""
    if node := (job.get("annotations") or {}).get(NODE):
        return job["ownerReferences"][0]["name"], node
    execution, _, node = job["name"].rpartition("-")
    return execution, node
