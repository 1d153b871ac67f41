"""Waiting for a Job of run-job, and its log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.actions.action import ActionError, Context
from orchestrator.actions.cluster import Object
from orchestrator.actions.kubernetes.rollouts import CHECK_PODS, HOPELESS, failure_of
from orchestrator.kube.errors import ApiError
from orchestrator.kube.resources import JOBS, PODS
from orchestrator.models.base import parse_duration

if TYPE_CHECKING:
    from orchestrator.kube.blocking import BlockingClient

MIN_POLL, MAX_POLL = 0.25, 2.0
"""Seconds between two reads: a tenth of the time waited, within these bounds."""
_ENDS = ("Complete", "Failed")
"""Conditions with which the pods of a Job have ended, and are counted."""
_MAY_PASS = ("CrashLoopBackOff", "Unschedulable")
"""What a Job's own limits bound, or what ends when others leave."""


@dataclass(frozen=True, slots=True)
class JobWait:
    """A wait for the end of a Job."""

    namespace: str
    job: Object
    timeout: str
    """A duration: maximum time to wait."""
    failure_timeout: str
    """A duration: how long pods may fail to start for the same reason."""

    @property
    def shown(self) -> str:
        """The Job as messages name it."""
        return f"Job {self.namespace}/{self.job['metadata']['name']}"


def wait_for_job(cluster: BlockingClient, context: Context, wait: JobWait) -> tuple[Object, int]:
    """The Job once it has ended, whether well or not, and the seconds waited.

    Raises ActionError: permanent if its pods cannot start, worth a retry after the timeout.
    """
    clock, started = context.clock, context.clock.monotonic()
    last, reason, since, check = "", "", 0.0, 0.0
    failure = ""
    while True:
        job = cluster.get(JOBS, wait.namespace, wait.job["metadata"]["name"])
        waited = clock.monotonic() - started
        if any(
            each["type"] in _ENDS and each["status"] == "True"
            for each in job.get("status", {}).get("conditions", [])
        ):
            return job, round(waited)
        if waited >= check:
            check = waited + CHECK_PODS
            found, failure = failure_of(pods_of(cluster, wait.namespace, job))
            reason, since = (reason, since) if found == reason else (found, waited)
        message = f"{wait.shown} is running{f'; {failure}' if failure else ''}"
        if message != last:
            context.log(message)
            last = message
        lasted = waited - since
        if (
            reason
            and reason not in _MAY_PASS
            and (reason in HOPELESS or lasted >= parse_duration(wait.failure_timeout))
        ):
            raise ActionError(f"{wait.shown} cannot start: {failure}", permanent=True)
        if waited >= parse_duration(wait.timeout):
            because = f": {failure}" if failure else ""
            raise ActionError(f"{wait.shown} has not ended after {waited:.0f} s{because}")
        clock.sleep(min(max(MIN_POLL, waited / 10), MAX_POLL))


def pods_of(cluster: BlockingClient, namespace: str, job: Object) -> list[Object]:
    """The pods of a Job."""
    selected = f"batch.kubernetes.io/controller-uid={job['metadata']['uid']}"
    return cluster.list(PODS, namespace, label_selector=selected)


def ended_log(cluster: BlockingClient, namespace: str, job: Object, lines: int) -> str:
    """The end of the log of the Job's newest pod; in brackets, why there is none."""
    pods = pods_of(cluster, namespace, job)
    if not pods:
        return ""
    newest = max(pods, key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")))
    container = newest["spec"]["containers"][0]["name"]
    try:
        return cluster.log(namespace, newest["metadata"]["name"], container, lines=lines)
    except ApiError as error:
        return f"(no log of pod {newest['metadata']['name']}: {error.message})"
