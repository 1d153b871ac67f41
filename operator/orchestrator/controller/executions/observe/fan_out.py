"""Observes a fan-out: one Job, and the pods of all its items."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.controller.executions.observe.live_read import (
    job_or_attempt,
    known_job,
    overdue,
    pods_of,
)
from orchestrator.controller.executions.reconcile_context import ReconcileContext
from orchestrator.controller.executions.state.execution_state import ExecutionState
from orchestrator.engine.graph import GraphNode
from orchestrator.engine.observed import Attempt, AttemptState
from orchestrator.engine.status.records import Record
from orchestrator.jobs.absent import deleted
from orchestrator.jobs.evidence import has_succeeded
from orchestrator.jobs.existing import with_outputs
from orchestrator.jobs.fan_out_status import gather, index_of, observe_fan_out, why_failed
from orchestrator.jobs.observe import completed, failure, unfinished
from orchestrator.jobs.outputs import OutputsProblem
from orchestrator.kube.cache import Raw
from orchestrator.models.reasons import Reason


def check_interval(items: int) -> float:
    """Seconds between two checks of all items of a running fan-out.

    A check visits all items, so the interval limits it to a few per cent of a core.
    """
    return max(1.0, items / 2500)


async def observe_fan(
    context: ReconcileContext, state: ExecutionState, node: GraphNode, record: Record
) -> Attempt | None:
    """A fan-out, observed completely at intervals: thousands of pods end one by one."""
    each, items = node.spec.for_each, record.items or 0
    assert each is not None
    assert node.template is not None
    name, namespace = state.name_of(node.name, record.attempts), state.run.namespace
    job = known_job(context, state, name)
    if job is None:
        found = await job_or_attempt(context, state, record, name)
        if found is None or isinstance(found, Attempt):
            return found
        job = found
    known = state.observations.fan_out(name)
    verdict = failure(job) or completed(job)
    uid = job["metadata"]["uid"]
    goes_on = not verdict and context.pods.count(namespace, uid) < items
    due = known[1] + check_interval(items) if known else 0.0
    if known and goes_on and known[1] <= context.clock() < due:
        state.wakeups.recheck(due)
        return known[0]
    pods = context.pods.by_job(namespace, uid)
    if not verdict and (live := await overdue(context, state, node, record, name)):
        found, pods = live
        if found is None:
            return deleted(name)
        job = found
    succeeded = {
        index
        for pod in pods
        if has_succeeded(pod) and (index := index_of(pod)) is not None and index < items
    }
    attempt = observe_fan_out(items, each.max_failed or 0, job, succeeded, name)
    if attempt.state is AttemptState.PENDING and not attempt.reason:
        events = context.pending.events(job["metadata"]["uid"]) if not pods else ()
        attempt = unfinished(job, pods, events)
    elif attempt.state is AttemptState.SUCCEEDED and each.gather:
        attempt = await _gathered(context, state, node, attempt, pods, items)
    elif attempt.state is AttemptState.FAILED:
        attempt = replace(attempt, message=why_failed(attempt, pods))
    state.observations.observed_fan_out(name, attempt, context.clock())
    return attempt


async def _gathered(
    context: ReconcileContext,
    state: ExecutionState,
    node: GraphNode,
    attempt: Attempt,
    pods: list[Raw],
    items: int,
) -> Attempt:
    assert node.template is not None
    assert node.spec.for_each is not None
    names = node.spec.for_each.gather or []
    gathered = gather(node.template, names, items, attempt, pods)
    if isinstance(gathered, OutputsProblem) and gathered.reason == Reason.OUTPUTS_LOST:
        # The cache may be behind the Job: an absence is verified live.
        live = await pods_of(context, state, attempt.job)
        gathered = gather(node.template, names, items, attempt, live)
    return with_outputs(attempt, gathered)
