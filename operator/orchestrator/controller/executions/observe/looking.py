"""A Job that the cache does not have: not created, not seen yet, or deleted by others."""

from __future__ import annotations

from orchestrator.controller.executions.shell import Shell
from orchestrator.controller.executions.tracked import CACHE_LAG, Tracked
from orchestrator.engine.graph import GraphNode
from orchestrator.engine.observed import Attempt, AttemptState
from orchestrator.engine.records import Record
from orchestrator.jobs.evidence import controlled
from orchestrator.jobs.observe import is_ours
from orchestrator.kube.cache import JOB_NAME, Raw
from orchestrator.kube.client import ApiError
from orchestrator.kube.resources import JOBS, PODS, Resource
from orchestrator.models.execution import NodePhase
from orchestrator.models.reasons import Reason

LIVE_READ_INTERVAL = 10.0
"""Seconds from one live read of an overdue attempt to the next."""


async def job_or_attempt(
    shell: Shell, tracked: Tracked, record: Record, name: str
) -> Raw | Attempt | None:
    """A Job that is not in the cache: not created, not seen yet, or deleted by others."""
    created = tracked.created.get(name)
    if tracked.has_just_made(name, shell.clock()):
        tracked.recheck(shell.clock() + CACHE_LAG)
        return Attempt(AttemptState.PENDING, reason=Reason.JOB_CREATED, job=name)
    unmade = created is None and not record.job
    if unmade and tracked.run.cancelling is None:
        return None  # it is created again, and one that exists is found by that
    job = own_job(tracked, name, await live(shell, JOBS, tracked.run.namespace, name))
    if job is None:
        return None if unmade else deleted(name)
    return job


def known_job(shell: Shell, tracked: Tracked, name: str) -> Raw | None:
    """The execution's Job of this name, as far as the cache has it."""
    return own_job(tracked, name, shell.jobs.get(tracked.run.namespace, name))


def own_job(tracked: Tracked, name: str, job: Raw | None) -> Raw | None:
    """The Job if it is the execution's own, and the one that this process has seen before."""
    if job is None or not is_ours(job, tracked.identity):
        return None
    uid = job["metadata"]["uid"]
    return job if tracked.job_uids.setdefault(name, uid) == uid else None


async def pods_of(shell: Shell, tracked: Tracked, name: str) -> list[Raw]:
    """The pods that the execution's Job of this name controls, read live."""
    pods, _ = await shell.client.list(
        PODS, tracked.run.namespace, label_selector=f"{JOB_NAME}={name}"
    )
    return controlled(pods, tracked.job_uids.get(name, ""))


async def overdue(
    shell: Shell, tracked: Tracked, node: GraphNode, record: Record, name: str
) -> tuple[Raw | None, list[Raw]] | None:
    """The Job and its pods, live, where they should have started or ended by now; None where there
    is time.

    Before an attempt is given up by the clock it is made sure that no watch is silently behind.
    """
    now = shell.clock()
    rounds = 1 if record.items is None else node.rounds(record.items)
    due = record.attempt_start + rounds * node.timeout + node.grace
    if record.phase is NodePhase.PENDING:
        due = min(due, record.attempt_start + node.start_timeout)
    if now < due or now < tracked.read_live.get(name, 0.0) + LIVE_READ_INTERVAL:
        return None
    tracked.read_live[name] = now
    job = own_job(tracked, name, await live(shell, JOBS, tracked.run.namespace, name))
    return job, await pods_of(shell, tracked, name)


def deleted(name: str) -> Attempt:
    """The attempt of a Job that is gone."""
    message = f"Job {name} was deleted by others before it ended"
    return Attempt(AttemptState.FAILED, Reason.JOB_DELETED, message, job=name)


async def live(shell: Shell, resource: Resource, namespace: str, name: str) -> Raw | None:
    """An object by name, read live; None when there is none."""
    try:
        return await shell.client.get(resource, namespace, name)
    except ApiError as error:
        if error.status == 404:
            return None
        raise
