"""Stops what injected containers keep running in pods whose action has ended.

A webhook may inject a container that never ends: the pod would stay until its deadline, and its Job
with it. The attempt is over with its action, so after a short while the deadline is lowered to
one that the action kept: the kubelet then ends the rest, and pod, log and evidence stay.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from orchestrator.controller.apiserver.cache import JOB_NAME, Jobs, Key, Pods, Raw, key_of
from orchestrator.controller.apiserver.client import ApiClient, ApiError
from orchestrator.controller.apiserver.resources import PODS
from orchestrator.jobs.evidence import controller_of, left_running
from orchestrator.jobs.stop import stop_rest

logger = logging.getLogger(__name__)

LINGER_TIMEOUT = 5.0
"""Seconds in which injected containers may end by themselves once the action has ended."""

OnStopped = Callable[[Raw, Raw, list[str]], None]
"""Called with the Job, the pod and the names of the containers that were stopped."""


class LingeringPods:
    """Pods whose action has ended and in which something else runs on."""

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
        """When the rest of a pod is stopped, in seconds of the event loop."""
        self._stopped: set[str] = set()
        """Uids of pods that were asked to stop and have not ended."""
        self._added = asyncio.Event()

    def take(self, kind: str, pod: Raw) -> None:
        """A pod that shows an end came, changed or is gone (DELETED)."""
        if kind == "DELETED" or not left_running(pod):
            self._waiting.pop(key_of(pod), None)
            self._stopped.discard(pod["metadata"]["uid"])
        elif pod["metadata"]["uid"] not in self._stopped:
            due = asyncio.get_running_loop().time() + LINGER_TIMEOUT
            self._waiting.setdefault(key_of(pod), due)
            self._added.set()

    async def run(self) -> None:
        """Stop what is due, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await self._added.wait()
            self._added.clear()
            while self._waiting:
                await self._sleep(max(0.0, min(self._waiting.values()) - loop.time()))
                for key in [key for key, due in self._waiting.items() if due <= loop.time()]:
                    await self._stop(key)

    async def _stop(self, key: Key) -> None:
        pod = self._pods.get(*key)
        left = left_running(pod) if pod is not None else []
        if pod is None or not left:
            self._waiting.pop(key, None)
            return
        # Asked again if it does not succeed, or if the Job's own event is still to come.
        self._waiting[key] = asyncio.get_running_loop().time() + LINGER_TIMEOUT
        job = self._job_of(pod)
        if job is None:
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

    def _job_of(self, pod: Raw) -> Raw | None:
        name = (pod["metadata"].get("labels") or {}).get(JOB_NAME, "")
        job = self._jobs.get(pod["metadata"]["namespace"], name)
        return job if job and job["metadata"]["uid"] == controller_of(pod) else None
