"""Stops injected containers that keep running in pods whose action has ended.

A webhook may inject a container that never ends: the pod would stay until its deadline, and its Job
with it. The attempt ends with its action, so after a short while the pod's deadline is lowered to
one that the action met: the kubelet then ends the other containers, and pod, log and evidence stay.

Kubernetes judges an item of a fan-out by its pod: a pod that was stopped this way has failed, and
its item is retried if `retry` allows it. So items are stopped only if others wait for their place,
and once the node has ended, its Job is stopped, so that nothing continues to run.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from orchestrator.jobs.evidence import controller_of, has_succeeded, left_running, phase_of, was_cut
from orchestrator.jobs.observe import completed, failure, fans_out, node_of
from orchestrator.jobs.stop import PatchJob, stop_rest
from orchestrator.kube.cache import (
    JOB_NAME,
    Jobs,
    Key,
    Pods,
    Raw,
    execution_of,
    key_of,
)
from orchestrator.kube.client import ApiClient, ApiError
from orchestrator.kube.resources import EXECUTIONS, JOBS, PODS
from orchestrator.models.execution import NodePhase
from orchestrator.operations.executions import has_ended

logger = logging.getLogger(__name__)

LINGER_TIMEOUT = 5.0
"""Seconds in which injected containers may end by themselves after the action has ended."""

OnStopped = Callable[[Raw, Raw, list[str]], None]
"""Called with the Job, the pod and the names of the containers that were stopped."""


class SidecarStopper:
    """Stops pods whose action has ended and whose injected containers keep running."""

    def __init__(
        self,
        client: ApiClient,
        jobs: Jobs,
        pods: Pods,
        on_stopped: OnStopped,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._client = client
        self._jobs = jobs
        self._pods = pods
        self._on_stopped = on_stopped
        self._sleep = sleep
        self._waiting: dict[Key, float] = {}
        """When the other containers of a pod are stopped, in seconds of the event loop."""
        self._stopped: set[str] = set()
        """Uids of pods that were stopped and have not ended."""
        self._fan_outs: dict[Key, float] = {}
        """Fan-outs with such pods, and when to check whether their node has ended."""
        self._added = asyncio.Event()

    def take(self, kind: str, pod: Raw) -> None:
        """A pod that shows an end was created, changed or deleted (DELETED)."""
        due = asyncio.get_running_loop().time() + LINGER_TIMEOUT
        if kind != "DELETED" and (left_running(pod) or _was_stopped(pod)):
            self._fan_outs.setdefault(_job_key(pod), due)
            self._added.set()
        if kind == "DELETED" or not left_running(pod):
            self._waiting.pop(key_of(pod), None)
            self._stopped.discard(pod["metadata"]["uid"])
        elif pod["metadata"]["uid"] not in self._stopped:
            self._waiting.setdefault(key_of(pod), due)

    async def run(self) -> None:
        """Stop what is due, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await self._added.wait()
            self._added.clear()
            while self._waiting or self._fan_outs:
                due_next = min([*self._waiting.values(), *self._fan_outs.values()])
                await self._sleep(max(0.0, due_next - loop.time()))
                for key in [key for key, due in self._fan_outs.items() if due <= loop.time()]:
                    await self._stop_fan_out(key)
                for key in [key for key, due in self._waiting.items() if due <= loop.time()]:
                    await self._stop(key)

    async def _stop(self, key: Key) -> None:
        pod = self._pods.get(*key)
        left = left_running(pod) if pod is not None else []
        if pod is None or not left or was_cut(pod):  # its own deadline is lower and ends it
            self._waiting.pop(key, None)
            return
        # Repeated if it does not succeed, or if the Job's own event is still to come.
        self._waiting[key] = asyncio.get_running_loop().time() + LINGER_TIMEOUT
        job = self._job_of(pod)
        if job is None or (fans_out(job) and not self._needs_room(job)):
            return
        step = stop_rest(pod)
        try:
            await self._client.patch(PODS, key[0], step.name, step.patch, metadata_only=True)
        except ApiError as error:
            if error.status != 404:
                logger.warning("cannot stop %s in pod %s/%s: %s", ", ".join(left), *key, error)
                return
        self._waiting.pop(key, None)
        self._stopped.add(pod["metadata"]["uid"])
        self._on_stopped(job, pod, left)

    async def _stop_fan_out(self, key: Key) -> None:
        """Stop the Job once its node has ended; it would run items again."""
        job = self._jobs.get(*key)
        if job is None or not fans_out(job) or completed(job) or failure(job):
            del self._fan_outs[key]
            return
        self._fan_outs[key] = asyncio.get_running_loop().time() + LINGER_TIMEOUT
        try:
            if not await self._has_ended(job):
                return
            guard = {"metadata": {"uid": job["metadata"]["uid"]}}
            patch = {**PatchJob(key[1]).patch, **guard}
            await self._client.patch(JOBS, *key, patch, metadata_only=True)
        except ApiError as error:
            if error.status not in (
                404,
                409,
            ):  # deleted, and perhaps replaced by another one of the same name
                logger.warning("cannot stop Job %s/%s: %s", *key, error)
                return
        self._fan_outs.pop(key, None)

    async def _has_ended(self, job: Raw) -> bool:
        """Whether the end of the Job's node is stored."""
        key = execution_of(job)
        if key is None:
            return False
        execution = await self._client.get(EXECUTIONS, *key)
        if has_ended(execution):
            return True
        nodes = (execution.get("status") or {}).get("nodes") or {}
        record = nodes.get(node_of(job)) or {}
        return "phase" in record and NodePhase(record["phase"]).terminal

    def _needs_room(self, job: Raw) -> bool:
        """Whether further items of the fan-out wait for others to end."""
        items, at_once = (job["spec"].get(field, 0) for field in ("completions", "parallelism"))
        ended = self._pods.count(job["metadata"]["namespace"], job["metadata"]["uid"])
        return bool(items > at_once and ended < items)

    def _job_of(self, pod: Raw) -> Raw | None:
        name = (pod["metadata"].get("labels") or {}).get(JOB_NAME, "")
        job = self._jobs.get(pod["metadata"]["namespace"], name)
        return job if job and job["metadata"]["uid"] == controller_of(pod) else None


def _was_stopped(pod: Raw) -> bool:
    """Whether the pod failed though its action succeeded, so that its item may run again."""
    return phase_of(pod) == "Failed" and has_succeeded(pod)


def _job_key(pod: Raw) -> Key:
    metadata = pod["metadata"]
    return metadata["namespace"], (metadata.get("labels") or {}).get(JOB_NAME, "")
