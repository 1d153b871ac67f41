"""First attempts that exist without a record.

Jobs that follow from evidence are created before the status is written. If someone pauses or
cancels the execution in between, that write is refused, and no later pass would create them again:
they are found here, so that they are recorded, paused and stopped like any other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from orchestrator.controller.executions.observe.child_lookup import (
    is_ours,
    pass_over,
)
from orchestrator.controller.executions.observe.live_read import known_job
from orchestrator.controller.executions.reconcile_context import ReconcileContext
from orchestrator.controller.executions.state.child_names import AttemptKey
from orchestrator.controller.executions.state.execution_state import ExecutionState
from orchestrator.engine.children.unrecorded import first_items
from orchestrator.engine.graph import GraphNode, NodeKind
from orchestrator.engine.observed import Attempt
from orchestrator.jobs.existing import existing_child, existing_job
from orchestrator.jobs.observe import node_of
from orchestrator.models.execution import DesiredState


def observe_unrecorded(
    context: ReconcileContext, state: ExecutionState, dirty: Collection[str] | None
) -> dict[tuple[str, int], Attempt]:
    """First attempts of the nodes in `dirty`; without it, of all nodes that may have any."""
    found: dict[tuple[str, int], Attempt] = {}
    for name in dirty if dirty is not None else _suspects(context, state):
        node = state.graph.nodes.get(name)
        if node is None or name in state.run.records:
            continue
        attempt = _child(context, state, node) or first_job(context, state, name)
        if attempt is not None:
            found[name, 1] = attempt
    return found


def first_job(context: ReconcileContext, state: ExecutionState, node: str) -> Attempt | None:
    """The Job of a node's first attempt, if it exists."""
    job = known_job(context, state, state.name_of(node, 1))
    return existing_job(job) if job is not None else None


def _suspects(context: ReconcileContext, state: ExecutionState) -> Iterator[str]:
    """If the run was never paused or cancelled, each pass repeats its own creations, so only
    freshly read state needs checking."""
    run = state.run
    goes_on = run.desired_state is DesiredState.RUNNING and run.cancelling is None
    if goes_on and not state.wakeups.first:
        return
    for job in context.jobs.by_execution(run.namespace, run.uid).values():
        yield node_of(job)
    for node in state.graph.nodes.values():
        if node.kind is NodeKind.WORKFLOW:
            yield node.name


def _child(context: ReconcileContext, state: ExecutionState, node: GraphNode) -> Attempt | None:
    if node.kind is not NodeKind.WORKFLOW:
        return None
    for index in first_items(node):
        which = AttemptKey(node.name, 1, index)
        raw = context.executions.get(state.run.namespace, state.name_of(*which))
        while raw is not None and not is_ours(state, raw) and pass_over(context, state, which):
            raw = context.executions.get(state.run.namespace, state.name_of(*which))
        if raw is not None and is_ours(state, raw):
            return existing_child(raw["metadata"]["name"])
    return None
