"""A Job that is not in the cache: not created, not observed yet, or deleted by others."""

from __future__ import annotations

from orchestrator.controller.executions.reconcile_context import ReconcileContext
from orchestrator.controller.executions.state.creations import CACHE_LAG
from orchestrator.controller.executions.state.execution_state import ExecutionState
from orchestrator.engine.graph import GraphNode
from orchestrator.engine.observed import Attempt
from orchestrator.engine.status.records import Record
from orchestrator.jobs.absent import deleted, not_seen_yet
from orchestrator.jobs.evidence import controlled
from orchestrator.jobs.observe import is_ours
from orchestrator.kube.cache import JOB_NAME, Raw
from orchestrator.kube.client import ApiError
from orchestrator.kube.resources import JOBS, PODS, Resource
from orchestrator.models.execution import NodePhase


async def job_or_attempt(
    context: ReconcileContext, state: ExecutionState, record: Record, name: str
) -> Raw | Attempt | None:
    """A Job that is not in the cache: not created, not observed yet, or deleted by others."""
    if state.creations.is_recent(name, context.clock()):
        state.wakeups.recheck(context.clock() + CACHE_LAG)
        return not_seen_yet(name)
    absent = name not in state.creations and not record.job
    if absent and state.run.cancelling is None:
        return None  # it is created again, and an existing one is found by that
    job = own_job(state, name, await live(context, JOBS, state.run.namespace, name))
    if job is None:
        return None if absent else deleted(name)
    return job


def known_job(context: ReconcileContext, state: ExecutionState, name: str) -> Raw | None:
    """The execution's Job of this name, if it is in the cache."""
    return own_job(state, name, context.jobs.get(state.run.namespace, name))


def own_job(state: ExecutionState, name: str, job: Raw | None) -> Raw | None:
    """The Job if it belongs to the execution and is the one that this process has seen before."""
    if job is None or not is_ours(job, state.identity):
        return None
    return job if state.creations.is_own_job(name, job["metadata"]["uid"]) else None


async def pods_of(context: ReconcileContext, state: ExecutionState, name: str) -> list[Raw]:
    """The pods that the execution's Job of this name controls, read live."""
    pods, _ = await context.client.list(
        PODS, state.run.namespace, label_selector=f"{JOB_NAME}={name}"
    )
    return controlled(pods, state.creations.job_uid(name))


async def overdue(
    context: ReconcileContext, state: ExecutionState, node: GraphNode, record: Record, name: str
) -> tuple[Raw | None, list[Raw]] | None:
    """The Job and its pods, read live, if they should have started or ended by now; None if they
    are not overdue.

    Before an attempt is given up by the clock, this verifies that no watch is silently behind.
    """
    now = context.clock()
    rounds = 1 if record.items is None else node.rounds(record.items)
    due = record.attempt_start + rounds * node.timeout + node.grace
    if record.phase is NodePhase.PENDING:
        due = min(due, record.attempt_start + node.start_timeout)
    if now < due or not state.observations.begin_live_read(name, now):
        return None
    job = own_job(state, name, await live(context, JOBS, state.run.namespace, name))
    return job, await pods_of(context, state, name)


async def live(
    context: ReconcileContext, resource: Resource, namespace: str, name: str
) -> Raw | None:
    """An object by name, read live; None if there is none."""
    try:
        return await context.client.get(resource, namespace, name)
    except ApiError as error:
        if error.status == 404:
            return None
        raise
