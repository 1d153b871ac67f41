"""First attempts that exist though no record names them.

What follows from evidence is created before the status is written. Where someone pauses or cancels
the execution in between, that write is refused, and no later pass would create them again: whatever
was created then is found here, so that it is recorded, paused and stopped like any other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from orchestrator.controller.executions.act.childcontrol import set_state
from orchestrator.controller.executions.act.childnames import (
    Which,
    is_ours,
    own_children,
    pass_over,
)
from orchestrator.controller.executions.observe.looking import known_job
from orchestrator.controller.executions.shell import Shell
from orchestrator.controller.executions.tracked import Tracked
from orchestrator.engine.decisions import Pass
from orchestrator.engine.graph import DEFAULT_PARALLELISM, GraphNode, NodeKind
from orchestrator.engine.observed import Attempt, AttemptState
from orchestrator.jobs.observe import node_of
from orchestrator.kube.cache import Raw
from orchestrator.models.execution import DesiredState, ExecutionPhase, NodePhase
from orchestrator.models.reasons import Reason


def observe_unrecorded(
    shell: Shell, tracked: Tracked, dirty: Collection[str] | None
) -> dict[tuple[str, int], Attempt]:
    """Those of the nodes in `dirty`; without it of all nodes, where there may be any."""
    found: dict[tuple[str, int], Attempt] = {}
    for name in dirty if dirty is not None else _suspects(shell, tracked):
        node = tracked.graph.nodes.get(name)
        if node is None or name in tracked.run.records:
            continue
        attempt = _child(shell, tracked, node) or made_job(shell, tracked, name)
        if attempt is not None:
            found[name, 1] = attempt
    return found


async def stop_unrecorded(shell: Shell, tracked: Tracked, decided: Pass) -> None:
    """Before the end: stop sub-executions that no watch has reported yet, of nodes that a
    cancellation ended or kept from starting.

    By force, without their `finally`: no record names them, so nothing would wait for that.
    """
    if not any(_without_child(tracked, node, decided) for node in tracked.graph.nodes.values()):
        return
    for raw in await own_children(shell, tracked):
        if not _is_over(raw):
            await set_state(shell, raw, DesiredState.TERMINATED)


def _without_child(tracked: Tracked, node: GraphNode, decided: Pass) -> bool:
    record = tracked.latest(node.name, decided)
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


def made_job(shell: Shell, tracked: Tracked, node: str) -> Attempt | None:
    """The Job of a node's first attempt, not as evidence of anything but that it exists."""
    name = tracked.name_of(node, 1)
    job = known_job(shell, tracked, name)
    if job is None:
        return None
    spec = job["spec"]
    items = spec["completions"] if spec.get("completionMode") == "Indexed" else None
    return Attempt(AttemptState.PENDING, reason=Reason.JOB_CREATED, job=name, items=items)


def _suspects(shell: Shell, tracked: Tracked) -> Iterator[str]:
    """Of a run that neither is nor was to be brought to a halt, each pass creates again what it
    decides again; only what has just been read may have been decided by another pass."""
    run = tracked.run
    goes_on = run.desired_state is DesiredState.RUNNING and run.cancelling is None
    if goes_on and not tracked.scan:
        return
    for job in shell.jobs.by_execution(run.namespace, run.uid).values():
        yield node_of(job)
    for node in tracked.graph.nodes.values():
        if node.kind is NodeKind.WORKFLOW:
            yield node.name


def _child(shell: Shell, tracked: Tracked, node: GraphNode) -> Attempt | None:
    if node.kind is not NodeKind.WORKFLOW:
        return None
    for index in _first_items(node):
        which = Which(node.name, 1, index)
        raw = shell.executions.get(tracked.run.namespace, tracked.name_of(*which))
        while raw is not None and not is_ours(tracked, raw) and pass_over(shell, tracked, which):
            raw = shell.executions.get(tracked.run.namespace, tracked.name_of(*which))
        if raw is not None and is_ours(tracked, raw):
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
