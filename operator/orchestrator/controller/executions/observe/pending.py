"""Finds why a Job makes no progress: its pending pods, the Events of pods that were refused, and
running pods of cluster nodes that do not report.

The watch keeps only pods that show an end. If a Job has no ready pod at its second check, it is
queried: one list of pending pods for all such Jobs, and one of FailedCreate Events if a Job has no
pod at all. If the pod of a Job is neither pending nor refused at two checks in a row, the running
pods are listed: one whose cluster node does not report is running, but not ready. A pod's status
does not mention volumes, so if a pod does not report what it waits for, FailedMount Events are
listed from time to time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Sequence

from orchestrator.jobs.evidence import controller_of
from orchestrator.jobs.pending import (
    MOUNT_FAILURE,
    NO_CAUSE,
    SILENT_NODE,
    silent_node,
    why_waiting,
)
from orchestrator.kube.cache import Jobs, Pods, Raw
from orchestrator.kube.client import ApiClient, ApiError
from orchestrator.kube.projection import project_pod
from orchestrator.kube.resources import EVENTS, PODS
from orchestrator.models.labels import EXECUTION_UID

logger = logging.getLogger(__name__)

MIN_INTERVAL, MAX_INTERVAL = 3.0, 30.0
"""Minimum and maximum seconds between two checks."""
INTERVAL_FACTOR = 10.0
"""The next check waits this multiple of the last check's duration."""
UNEXPLAINED_CHECKS = 4
"""Checks of a pod that does not report what it waits for, before its Events are read."""
UNMOUNTED = "type=Warning,reason=FailedMount,involvedObject.kind=Pod"
REFUSED = "type=Warning,reason=FailedCreate,involvedObject.kind=Job"


class PendingPods:
    """Fills the pods cache with pending pods of slow Jobs, and knows why pods were refused."""

    def __init__(
        self,
        client: ApiClient,
        jobs: Jobs,
        pods: Pods,
        enqueue: Callable[[Raw], None],
        *,
        namespaces: Collection[str] = (),
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`enqueue` is called with a Job about which there is new information."""
        self._client = client
        self._jobs = jobs
        self._pods = pods
        self._enqueue = enqueue
        self._scopes: list[str | None] = list(namespaces) or [None]
        self._sleep = sleep
        self._seen: set[str] = set()
        self._reported: dict[str, object] = {}
        self._events: dict[str, list[Raw]] = {}
        self._unexplained: dict[str, int] = {}
        """Number of checks of pods that do not report what they wait for, by uid."""
        self._unmounted: dict[str, str] = {}
        """Their Events about volumes, by uid."""
        self._unfound: set[str] = set()
        """Jobs without a pending pod and without Events of a refused one at the last check."""
        self._unchecked = asyncio.Event()
        """Set once a waiting Job exists that has not been checked."""

    def take(self, job: Raw) -> None:
        """A Job was created or changed: it is checked while it waits for its pod."""
        if self._waits(job):
            self._unchecked.set()

    def events(self, job_uid: str) -> Sequence[Raw]:
        """Warning Events for pods that the Job could not create, oldest first."""
        return self._events.get(job_uid, ())

    async def run(self) -> None:
        """Check while Jobs are waiting, until cancelled."""
        while True:
            await self._unchecked.wait()
            self._unchecked.clear()
            took = await self._try()
            while self._seen:
                await self._sleep(min(max(MIN_INTERVAL, INTERVAL_FACTOR * took), MAX_INTERVAL))
                took = await self._try()

    async def _try(self) -> float:
        """One check; returns its duration in seconds."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            await self.check()
        except ApiError as error:
            logger.warning("cannot list pending pods: %s", error)
        return loop.time() - began

    async def check(self) -> None:
        """One check."""
        waiting = [job for job in self._jobs if self._waits(job)]
        slow = [job for job in waiting if _uid(job) in self._seen]
        self._seen = {_uid(job) for job in waiting}
        pods = await self._in_phase("Pending") if slow else []
        await self._explain(pods)
        pods += await self._silent(slow, pods)
        self._pods.replace_pending(pods)
        without = [job for job in slow if not self._pods.by_job(*_key(job))]
        self._events = await self._refusals(without) if without else {}
        self._report(slow)

    def _waits(self, job: Raw) -> bool:
        """Whether nothing shows that the Job's pod runs or has ended."""
        status = job.get("status") or {}
        over = any(
            condition.get("status") == "True" and condition.get("type") in ("Complete", "Failed")
            for condition in status.get("conditions") or []
        )
        return not over and not status.get("ready") and not self._pods.any_ended(*_key(job))

    async def _in_phase(self, phase: str) -> list[Raw]:
        """All pods of executions in a phase; a running one with its cluster node, if that does not
        report."""
        found: list[Raw] = []
        for scope in self._scopes:
            pods, _ = await self._client.list(
                PODS,
                scope,
                label_selector=EXECUTION_UID,
                field_selector=f"status.phase={phase}",
            )
            for pod in pods:
                kept = project_pod(pod)
                if name := silent_node(pod):
                    kept["status"][SILENT_NODE] = name
                found.append(kept)
        return found

    async def _silent(self, slow: list[Raw], pending: list[Raw]) -> list[Raw]:
        """The running pods of slow Jobs whose cluster node does not report."""
        known = {controller_of(pod) for pod in pending}
        unfound = {uid for job in slow if (uid := _uid(job)) not in known}
        unfound -= {uid for uid, events in self._events.items() if events}  # no pod was created
        lasting, self._unfound = unfound & self._unfound, unfound
        if not lasting:
            return []
        running = await self._in_phase("Running")
        return [
            pod for pod in running if controller_of(pod) in lasting and SILENT_NODE in pod["status"]
        ]

    async def _explain(self, pods: list[Raw]) -> None:
        """Add their Events about volumes to pods that do not report what they wait for."""
        silent = {_uid(pod): pod for pod in pods if why_waiting(pod) == NO_CAUSE}
        self._unexplained = {uid: self._unexplained.get(uid, 0) + 1 for uid in silent}
        if any(checks % UNEXPLAINED_CHECKS == 0 for checks in self._unexplained.values()):
            self._unmounted = await self._mount_failures()
        for uid, pod in silent.items():
            if message := self._unmounted.get(uid):
                pod["status"][MOUNT_FAILURE] = message

    async def _mount_failures(self) -> dict[str, str]:
        found: list[Raw] = []
        for scope in self._scopes:
            events, _ = await self._client.list(EVENTS, scope, field_selector=UNMOUNTED)
            found += events
        return {
            event["involvedObject"].get("uid", ""): event.get("message", "")
            for event in sorted(found, key=_when)
        }

    async def _refusals(self, jobs: list[Raw]) -> dict[str, list[Raw]]:
        found: dict[str, list[Raw]] = {_uid(job): [] for job in jobs}
        for scope in self._scopes:
            events, _ = await self._client.list(EVENTS, scope, field_selector=REFUSED)
            for event in events:
                if (uid := event["involvedObject"].get("uid", "")) in found:
                    found[uid].append(event)
        return {uid: sorted(of_one, key=_when) for uid, of_one in found.items()}

    def _report(self, slow: list[Raw]) -> None:
        reported: dict[str, object] = {}
        for job in slow:
            uid = _uid(job)
            reported[uid] = (
                [_causes(pod) for pod in self._pods.by_job(*_key(job))],
                [event.get("message") for event in self.events(uid)],
            )
            if reported[uid] != self._reported.get(uid):
                self._enqueue(job)
        self._reported = reported


def _causes(pod: Raw) -> object:
    """What a pending pod reports about itself, without times and counts."""
    status = pod.get("status") or {}
    containers = [
        *(status.get("initContainerStatuses") or []),
        *(status.get("containerStatuses") or []),
    ]
    conditions = status.get("conditions") or []
    return (
        pod["metadata"]["uid"],
        status.get(MOUNT_FAILURE),
        status.get(SILENT_NODE),
        [container.get("state", {}).get("waiting") for container in containers],
        [(item["type"], item.get("reason"), item.get("message")) for item in conditions],
    )


def _when(event: Raw) -> str:
    when: str = event.get("lastTimestamp") or event.get("eventTime") or ""
    return when


def _uid(job: Raw) -> str:
    uid: str = job["metadata"]["uid"]
    return uid


def _key(job: Raw) -> tuple[str, str]:
    return job["metadata"]["namespace"], _uid(job)
