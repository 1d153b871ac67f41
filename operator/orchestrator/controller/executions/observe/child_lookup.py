"""Finds sub-executions by name; if others have taken a name, the next one is used.

Any user who may create executions can compute the names, and must not be able to fail a node by
taking one. Names are skipped in a fixed order, so every process finds the same sub-execution. The
other execution may be deleted later, so which names were skipped is read from the sub-executions
themselves: before the first pass over an execution that another process, or an earlier read, has
worked on.
"""

from __future__ import annotations

from collections.abc import Iterable

from orchestrator.controller.executions.observe.live_read import live
from orchestrator.controller.executions.reconcile_context import ReconcileContext
from orchestrator.controller.executions.state.child_names import AttemptKey
from orchestrator.controller.executions.state.execution_state import ExecutionState
from orchestrator.engine.children.fan_out import MAX_CHILDREN
from orchestrator.engine.children.unrecorded import ended_items
from orchestrator.engine.graph import GraphNode, NodeKind
from orchestrator.kube.cache import Raw
from orchestrator.kube.resources import EXECUTIONS
from orchestrator.models.base import MAX_SALTS
from orchestrator.models.labels import PARENT_UID
from orchestrator.models.reasons import EventReason
from orchestrator.operations.executions import has_ended, is_child_of


async def own_child(
    context: ReconcileContext, state: ExecutionState, which: AttemptKey
) -> Raw | None:
    """The sub-execution, read live under any of its names; None if it was deleted."""
    while True:
        raw = await read_child(context, state, which)
        if raw is None or is_ours(state, raw):
            return raw
        if not pass_over(context, state, which):
            return None


async def read_child(
    context: ReconcileContext, state: ExecutionState, which: AttemptKey
) -> Raw | None:
    """The execution that has the sub-execution's name, read live, even if others created it."""
    return await live(context, EXECUTIONS, state.run.namespace, state.name_of(*which))


async def own_children(context: ReconcileContext, state: ExecutionState) -> list[Raw]:
    """Every sub-execution of this one, read live."""
    run = state.run
    selector = f"{PARENT_UID}={run.uid}"
    labelled, _ = await context.client.list(EXECUTIONS, run.namespace, label_selector=selector)
    return [raw for raw in labelled if is_ours(state, raw)]


async def recall_names(context: ReconcileContext, state: ExecutionState) -> None:
    """Once for an execution that was read from the cluster: find the names of its sub-executions.

    Only if a node may have one; otherwise it costs no request.
    """
    if state.names.recalled:
        return
    nodes = {name for name, node in state.graph.nodes.items() if _is_open(state, node)}
    names: dict[str, set[str]] = {}
    children = await own_children(context, state) if nodes else []
    for raw in children:
        names.setdefault(raw["spec"]["parent"]["node"], set()).add(raw["metadata"]["name"])
    for name in nodes & names.keys():
        _recall_node(state, state.graph.nodes[name], names[name])
    state.names.all_recalled()
    for raw in children:
        note_orphan_child(state, raw)


def _is_open(state: ExecutionState, node: GraphNode) -> bool:
    record = state.run.records.get(node.name)
    return node.kind is NodeKind.WORKFLOW and (record is None or not record.phase.terminal)


def _recall_node(state: ExecutionState, node: GraphNode, names: set[str]) -> None:
    """Find the attempt or item of the node that each name belongs to."""
    candidates = [*_candidates(state, node)]
    found: set[AttemptKey] = set()
    for salt in range(MAX_SALTS + 1):
        for which in candidates:
            if not names:
                return
            name = state.salted_name(*which, salt)
            if name not in names:
                continue
            names.discard(name)
            if salt and which not in found:
                state.names.found(which, salt)
            found.add(which)


def _candidates(state: ExecutionState, node: GraphNode) -> Iterable[AttemptKey]:
    """The attempts that may have sub-executions: the status may lag behind by one."""
    record = state.run.records.get(node.name)
    last = record.attempts if record is not None else 0
    items: Iterable[int | None] = (None,)
    if node.spec.for_each is not None:
        known = record.items if record is not None else None
        items = range(MAX_CHILDREN if known is None else known)
    return (AttemptKey(node.name, attempt, item) for attempt in (last, last + 1) for item in items)


def recall(state: ExecutionState, which: AttemptKey, recorded: str) -> None:
    """After a restart, use the recorded name: the executions with the skipped names may have been
    deleted."""
    first = state.name_of(*which)
    if recorded == first or state.names.knows(which):
        return
    while state.name_of(*which) != recorded:
        if not state.names.pass_over(which):  # the record is of an earlier attempt
            state.names.reset(which)
            return


def pass_over(context: ReconcileContext, state: ExecutionState, which: AttemptKey) -> bool:
    """Skip to the next name, with a Warning Event; False if others have taken all names."""
    name = state.name_of(*which)
    if not state.names.pass_over(which):
        return False
    message = f"{which.node}: execution {name} is not this one's; another name is used"
    context.recorder.emit(state.reference, EventReason.NAME_TAKEN, message)
    return True


def is_ours(state: ExecutionState, raw: Raw) -> bool:
    """Whether it is a sub-execution of this one."""
    return is_child_of(raw, state.run.uid)


def note_orphan_child(state: ExecutionState, raw: Raw) -> None:
    """Record a sub-execution that must be stopped, if it is one."""
    if _is_orphan(state, raw):
        state.stops.add_child(raw["metadata"]["name"], raw["spec"]["parent"]["node"])


def _is_orphan(state: ExecutionState, raw: Raw) -> bool:
    """Whether a sub-execution runs for an attempt or item that has ended, as its node's record in
    the status says.

    Another operator, which had not resigned yet, created it after its creation was refused here.
    """
    parent, name = raw["spec"].get("parent") or {}, raw["metadata"]["name"]
    node = state.graph.nodes.get(parent.get("node", ""))
    record = state.run.records.get(node.name) if node is not None else None
    if node is None or record is None or has_ended(raw) or not is_ours(state, raw):
        return False
    if node.kind is not NodeKind.WORKFLOW or not state.pending.has_stored(node.name):
        return False
    return any(name == state.name_of(node.name, *item) for item in ended_items(node, record))
