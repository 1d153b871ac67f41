"""Observes the attempts of an execution's active nodes: from caches, and live if absence
matters."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence

from orchestrator.controller.executions.observe.fan_out import observe_fan
from orchestrator.controller.executions.observe.live_read import (
    job_or_attempt,
    known_job,
    overdue,
    pods_of,
)
from orchestrator.controller.executions.observe.sub_executions import (
    observe_child,
    observe_children,
)
from orchestrator.controller.executions.observe.unrecorded import first_job, observe_unrecorded
from orchestrator.controller.executions.reconcile_context import ReconcileContext
from orchestrator.controller.executions.state.execution_state import ExecutionState
from orchestrator.engine.advance import nodes_to_reconcile
from orchestrator.engine.graph import GraphNode, NodeKind
from orchestrator.engine.nodes.retry import disruption_matters
from orchestrator.engine.observed import Attempt
from orchestrator.engine.status.records import Record
from orchestrator.jobs.absent import deleted
from orchestrator.jobs.evidence import ENDED_PHASES, has_succeeded, phase_of
from orchestrator.jobs.observe import completed, evident, failure, observe
from orchestrator.kube.cache import Raw
from orchestrator.models.reasons import Reason


async def observe_active(
    context: ReconcileContext, state: ExecutionState, dirty: Collection[str] | None
) -> dict[tuple[str, int], Attempt]:
    """The attempts of the active nodes to reconcile, and first attempts that exist without a
    record: after a restart, if their cause is lost, and during a pause."""
    observed = {**state.creations.refusals(), **_held_up(context, state)}
    sources: list[GraphNode] = []
    for name in nodes_to_reconcile(state.graph, state.run, dirty):
        node = state.graph.nodes[name]
        record = state.run.records[name]
        if not node.kind.attempts or record.retry_at is not None:
            continue
        if (name, record.attempts) not in observed:
            attempt = await _observer(node)(context, state, node, record)
            if attempt is not None:
                observed[name, record.attempts] = attempt
        if state.wakeups.first or _lost(observed.get((name, record.attempts))):
            sources.append(node)
    for node in sources:  # last: the existence of a Job must not replace what it reports
        _follow_ups(context, state, node, observed)
    return {**observe_unrecorded(context, state, dirty), **observed}


def _held_up(context: ReconcileContext, state: ExecutionState) -> dict[tuple[str, int], Attempt]:
    """The attempts whose Job or sub-execution cannot be created yet."""
    return {
        (key.node, key.attempt): hold_up.attempt
        for key in state.creations.held_up_nodes()
        if (hold_up := state.hold_up(key, context.clock()))
    }


_Observer = Callable[
    [ReconcileContext, ExecutionState, GraphNode, Record], Awaitable[Attempt | None]
]


def _observer(node: GraphNode) -> _Observer:
    if node.kind is NodeKind.WORKFLOW:
        return observe_child if node.spec.for_each is None else observe_children
    return _attempt if node.spec.for_each is None else observe_fan


async def _attempt(
    context: ReconcileContext, state: ExecutionState, node: GraphNode, record: Record
) -> Attempt | None:
    assert node.template is not None
    name = state.name_of(node.name, record.attempts)
    namespace = state.run.namespace
    job = known_job(context, state, name)
    pods = context.pods.by_job(namespace, state.creations.job_uid(name))
    if job is None and not any(has_succeeded(pod) for pod in pods):
        found = await job_or_attempt(context, state, record, name)
        if found is None or isinstance(found, Attempt):
            return found
        job = found
        pods = context.pods.by_job(namespace, job["metadata"]["uid"])
    if not _conclusive(pods) and (completed(job) or failure(job)):
        # The two watches are not in step: the pod's report counts, so its absence is verified live.
        pods = await pods_of(context, state, name) or pods
    elif not _reports_end(job, pods) and (
        live := await overdue(context, state, node, record, name)
    ):
        job, pods = live
        if job is None and not evident(pods):
            return deleted(name)
    events = context.pending.events(job["metadata"]["uid"]) if job and not pods else ()
    matters = disruption_matters(node.retry)
    return observe(node.template, job, pods, events, disruption_matters=matters)


def _conclusive(pods: Sequence[Raw]) -> bool:
    """Whether the pods can no longer change: a failure's reason is reported only with the pod's
    phase."""
    return any(has_succeeded(pod) or phase_of(pod) in ENDED_PHASES for pod in pods)


def _reports_end(job: Raw | None, pods: Sequence[Raw]) -> bool:
    """Whether the Job or a pod reports how the attempt ended."""
    succeeded = any(has_succeeded(pod) for pod in pods)
    return succeeded or completed(job) or failure(job) is not None


def _lost(attempt: Attempt | None) -> bool:
    return attempt is not None and attempt.reason == Reason.OUTPUTS_LOST


def _follow_ups(
    context: ReconcileContext,
    state: ExecutionState,
    node: GraphNode,
    observed: dict[tuple[str, int], Attempt],
) -> None:
    for edge in node.outgoing:
        if (seen := first_job(context, state, edge.target)) is not None:
            observed.setdefault((edge.target, 1), seen)
