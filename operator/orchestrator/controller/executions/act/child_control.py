"""Requests states of sub-executions: paused, running, cancelled or terminated."""

from __future__ import annotations

from orchestrator.controller.executions.observe.child_lookup import is_ours
from orchestrator.controller.executions.observe.live_read import live
from orchestrator.controller.executions.reconcile_context import ReconcileContext
from orchestrator.controller.executions.state.execution_state import ExecutionState
from orchestrator.controller.executions.trace import log
from orchestrator.engine.children.sub_execution import pause_is_over
from orchestrator.engine.decisions import ControlChild
from orchestrator.kube.cache import Raw
from orchestrator.kube.client import ApiError
from orchestrator.kube.resources import EXECUTIONS
from orchestrator.models.execution import DesiredState
from orchestrator.operations.desired_state import may_become


async def control_child(
    context: ReconcileContext, state: ExecutionState, decision: ControlChild
) -> None:
    """Pass the parent's state on; nothing if the sub-execution already has it or has ended."""
    namespace = state.run.namespace
    name = state.name_of(decision.node, decision.attempt, decision.index)
    if decision.state is DesiredState.RUNNING:
        # Requested only once, and the watches may not have reported the sub-execution or its pause
        # yet.
        raw = await live(context, EXECUTIONS, namespace, name)
    else:
        raw = context.executions.get(namespace, name)
    if raw is None or not is_ours(state, raw):
        return
    if decision.state is not DesiredState.PAUSED:
        await set_state(context, raw, decision.state)
    elif not pause_is_over(context.executions.get(namespace, state.run.name)):
        await set_state(context, raw, decision.state, guarded=True)


async def set_state(
    context: ReconcileContext, raw: Raw, state: DesiredState, *, guarded: bool = False
) -> None:
    """Request a state of a sub-execution; nothing if the same or a stronger one was requested
    before.

    `guarded` requires that the sub-execution has not changed since it was read: no write of the
    parent's status precedes a repeated pause, and another process may have ended it. The watch
    reports a change, and the next pass repeats the request.
    """
    if not may_become(raw, state):
        return
    metadata = raw["metadata"]
    child = (metadata["namespace"], metadata["name"])
    log.debug(child, "set to %s by its parent", state.value)
    guard = {"resourceVersion": metadata["resourceVersion"]} if guarded else {}
    patch = {"metadata": {"uid": metadata["uid"], **guard}, "spec": {"desiredState": state.value}}
    try:
        await context.client.patch(EXECUTIONS, *child, patch)
    except ApiError as error:
        if error.status not in (
            404,
            409,
            422,
        ):  # deleted, or a stronger state was requested in the meantime
            raise
