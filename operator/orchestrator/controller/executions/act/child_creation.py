"""Creates sub-executions, as an attempt's Job is created."""

from __future__ import annotations

from orchestrator.controller.executions.observe.child_lookup import is_ours, pass_over, read_child
from orchestrator.controller.executions.reconcile_context import ReconcileContext
from orchestrator.controller.executions.state.child_names import AttemptKey
from orchestrator.controller.executions.state.execution_state import ExecutionState
from orchestrator.engine.children.sub_execution import MAX_DEPTH, child_depth
from orchestrator.engine.decisions import CreateChild
from orchestrator.engine.observed import Attempt
from orchestrator.jobs.absent import (
    REFUSALS,
    child_names_taken,
    refused_by_server,
    refused_depth,
)
from orchestrator.kube.client import ApiError
from orchestrator.kube.resources import EXECUTIONS
from orchestrator.models.reasons import Reason
from orchestrator.operations.start import start_child


async def create_child(
    context: ReconcileContext, state: ExecutionState, decision: CreateChild
) -> Attempt | None:
    """Create a sub-execution; if it is refused, return the attempt: failed, or Pending for a
    quota."""
    if child_depth(state.run) > MAX_DEPTH:
        return refused_depth()
    which = AttemptKey(decision.node, decision.attempt, decision.index)
    namespace, called = state.run.namespace, state.graph.nodes[decision.node].spec.workflow
    assert called is not None
    while True:
        name = state.name_of(*which)
        manifest = start_child(
            state.run,
            which.node,
            called.name,
            decision.variables,
            name,
            context.trace(state.execution),
        )
        asked = context.clock()
        try:
            await context.client.create(EXECUTIONS, namespace, manifest, urgent=True)
        except ApiError as error:
            taken = error.status == 409 and error.reason == "AlreadyExists"
            if not taken and error.status not in REFUSALS:
                raise
            # A webhook or quota refuses before the name is checked: an earlier creation, whose
            # answer was lost, may have succeeded.
            other = await read_child(context, state, which)
            if other is not None and not is_ours(state, other):
                if pass_over(context, state, which):
                    continue
                return child_names_taken(name)
            if other is None and not taken:
                return refused_by_server(
                    Reason.SUB_WORKFLOW_REFUSED, error.status, error.message, namespace
                )
        state.creations.add(name, asked)
        return None
