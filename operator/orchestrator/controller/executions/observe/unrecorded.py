"""First attempts that exist though no record names them.

What follows from evidence is created before the status is written. Where someone pauses or cancels
the execution in between, that write is refused, and no later pass would create them again: whatever
was created then is found here, so that it is recorded, paused and stopped like any other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from orchestrator.controller.executions.act.childcontrol import set_state
from orchestrator.controller.executions.observe.childnames import (
    is_ours,
    own_children,
    pass_over,
)
from orchestrator.controller.executions.observe.live_read import known_job
from orchestrator.controller.executions.shell import Shell
from orchestrator.controller.executions.state.child_names import AttemptKey
from orchestrator.controller.executions.state.execution_state import ExecutionState
from orchestrator.engine.decisions import Pass
from orchestrator.engine.graph import DEFAULT_PARALLELISM, GraphNode, NodeKind
from orchestrator.engine.observed import Attempt, AttemptState
from orchestrator.jobs.observe import node_of
from orchestrator.kube.cache import Raw
from orchestrator.models.execution import DesiredState, ExecutionPhase, NodePhase
from orchestrator.models.reasons import Reason


def observe_unrecorded(
    shell: Shell, state: ExecutionState, dirty: Collection[str] | None
) -> dict[tuple[str, int], Attempt]:
    """Those of the nodes in `dirty`; without it of all nodes, where there may be any."""
    found: dict[tuple[str, int], Attempt] = {}
    for name in dirty if dirty is not None else _suspects(shell, state):
        node = state.graph.nodes.get(name)
        if node is None or name in state.run.records:
            continue
        attempt = _child(shell, state, node) or existing_job(shell, state, name)
        if attempt is not None:
            found[name, 1] = attempt
    return found


async def stop_unrecorded_children(shell: Shell, state: ExecutionState, decided: Pass) -> None:
    """Before the end: stop sub-executions that no watch has reported yet, of nodes that a
    cancellation ended or kept from starting.

    By force, without their `finally`: no record names them, so nothing would wait for that.
    """
    if not any(_without_child(state, node, decided) for node in state.graph.nodes.values()):
        return
    for raw in await own_children(shell, state):
        if not _is_over(raw):
            await set_state(shell, raw, DesiredState.TERMINATED)


def _without_child(state: ExecutionState, node: GraphNode, decided: Pass) -> bool:
    record = state.latest(node.name, decided)
    return (
        node.kind is NodeKind.WORKFLOW
        and record is not None
        and (
            record.phase is NodePhase.CANCELLED
            or (record.phase is NodePhase.SKIPPED and decided.cancelling is not None)
        )
        and not record.execution
        and record.items is None
    )


def existing_job(shell: Shell, state: ExecutionState, node: str) -> Attempt | None:
    """The Job of a node's first attempt, not as evidence of anything but that it exists."""
    name = state.name_of(node, 1)
    job = known_job(shell, state, name)
    if job is None:
        return None
    spec = job["spec"]
    items = spec["completions"] if spec.get("completionMode") == "Indexed" else None
    return Attempt(AttemptState.PENDING, reason=Reason.JOB_CREATED, job=name, items=items)


def _suspects(shell: Shell, state: ExecutionState) -> Iterator[str]:
    """Of a run that neither is nor was to be brought to a halt, each pass creates again what it
    decides again; only what has just been read may have been decided by another pass."""
    run = state.run
    goes_on = run.desired_state is DesiredState.RUNNING and run.cancelling is None
    if goes_on and not state.wakeups.first:
        return
    for job in shell.jobs.by_execution(run.namespace, run.uid).values():
        yield node_of(job)
    for node in state.graph.nodes.values():
        if node.kind is NodeKind.WORKFLOW:
            yield node.name


def _child(shell: Shell, state: ExecutionState, node: GraphNode) -> Attempt | None:
    if node.kind is not NodeKind.WORKFLOW:
        return None
    for index in _first_items(node):
        which = AttemptKey(node.name, 1, index)
        raw = shell.executions.get(state.run.namespace, state.name_of(*which))
        while raw is not None and not is_ours(state, raw) and pass_over(shell, state, which):
            raw = shell.executions.get(state.run.namespace, state.name_of(*which))
        if raw is not None and is_ours(state, raw):
            name = raw["metadata"]["name"]
            return Attempt(AttemptState.PENDING, reason=Reason.SUB_WORKFLOW_CREATED, execution=name)
    return None


def _first_items(node: GraphNode) -> Iterable[int | None]:
    """The items with which a fan-out begins; what is none has itself."""
    each = node.spec.for_each
    return (None,) if each is None else range(each.parallelism or DEFAULT_PARALLELISM)


def _is_over(raw: Raw) -> bool:
    phase: str = (raw.get("status") or {}).get("phase") or ""
    return bool(phase) and ExecutionPhase(phase).terminal
