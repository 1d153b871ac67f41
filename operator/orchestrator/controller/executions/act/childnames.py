"""Names of sub-executions: the next one is used while an execution of others has the first.

Whoever may create executions can compute the names, and must not be able to fail a node by that.
Names are passed over in one order, so whoever asks finds the same sub-execution. The execution of
others may be deleted later, so which names were passed over is read from the sub-executions
themselves: before the first pass over what another process, or an earlier read, has worked on.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from orchestrator.controller.executions.observe.looking import live
from orchestrator.controller.executions.shell import Shell
from orchestrator.controller.executions.tracked import Tracked
from orchestrator.engine.graph import GraphNode, NodeKind
from orchestrator.engine.manychildren import MAX_CHILDREN
from orchestrator.kube.cache import Raw
from orchestrator.kube.resources import EXECUTIONS
from orchestrator.models.base import MAX_SALTS
from orchestrator.models.labels import PARENT_UID
from orchestrator.models.reasons import EventReason


class Which(NamedTuple):
    """A sub-execution: of which node and attempt, and of which item in a fan-out."""

    node: str
    attempt: int
    item: int | None = None


async def own_child(shell: Shell, tracked: Tracked, which: Which) -> Raw | None:
    """The sub-execution, read live, whichever of its names it has; None when it is gone."""
    while True:
        raw = await read_child(shell, tracked, which)
        if raw is None or is_ours(tracked, raw):
            return raw
        if not pass_over(shell, tracked, which):
            return None


async def read_child(shell: Shell, tracked: Tracked, which: Which) -> Raw | None:
    """The execution that has the sub-execution's name, read live, whoever made it."""
    return await live(shell, EXECUTIONS, tracked.run.namespace, tracked.name_of(*which))


async def own_children(shell: Shell, tracked: Tracked) -> list[Raw]:
    """Every sub-execution of this one, read live."""
    run = tracked.run
    selector = f"{PARENT_UID}={run.uid}"
    labelled, _ = await shell.client.list(EXECUTIONS, run.namespace, label_selector=selector)
    return [raw for raw in labelled if is_ours(tracked, raw)]


async def recall_names(shell: Shell, tracked: Tracked) -> None:
    """Once for an execution that was read from the cluster: the names its sub-executions have.

    Only where a node may have one: elsewhere it costs no request.
    """
    if tracked.recalled:
        return
    nodes = {name for name, node in tracked.graph.nodes.items() if _is_open(tracked, node)}
    names: dict[str, set[str]] = {}
    for raw in await own_children(shell, tracked) if nodes else ():
        names.setdefault(raw["spec"]["parent"]["node"], set()).add(raw["metadata"]["name"])
    for name in nodes & names.keys():
        _recall_node(tracked, tracked.graph.nodes[name], names[name])
    tracked.recalled = True


def _is_open(tracked: Tracked, node: GraphNode) -> bool:
    record = tracked.run.records.get(node.name)
    return node.kind is NodeKind.WORKFLOW and (record is None or not record.phase.terminal)


def _recall_node(tracked: Tracked, node: GraphNode, names: set[str]) -> None:
    """Find which attempt or item of the node each name is of."""
    candidates = [*_candidates(tracked, node)]
    found: set[Which] = set()
    for salt in range(MAX_SALTS + 1):
        for which in candidates:
            if not names:
                return
            name = tracked.salted_name(*which, salt)
            if name not in names:
                continue
            names.discard(name)
            if salt and which not in found:
                tracked.salts.setdefault(which, salt)
            found.add(which)


def _candidates(tracked: Tracked, node: GraphNode) -> Iterable[Which]:
    """What the node may have sub-executions for: the status may lag behind by an attempt."""
    record = tracked.run.records.get(node.name)
    last = record.attempts if record is not None else 0
    items: Iterable[int | None] = (None,)
    if node.spec.for_each is not None:
        known = record.items if record is not None else None
        items = range(MAX_CHILDREN if known is None else known)
    return (Which(node.name, attempt, item) for attempt in (last, last + 1) for item in items)


def recall(tracked: Tracked, which: Which, recorded: str) -> None:
    """After a restart, take up the name that the status records: others may be gone since."""
    first = tracked.name_of(*which)
    if recorded == first or which in tracked.salts:
        return
    while tracked.name_of(*which) != recorded:
        if not tracked.pass_over(*which):  # the record is of an earlier attempt
            del tracked.salts[which]
            return


def pass_over(shell: Shell, tracked: Tracked, which: Which) -> bool:
    """Go on to the next name, with a Warning Event; False when others have all of them."""
    name = tracked.name_of(*which)
    if not tracked.pass_over(*which):
        return False
    message = f"{which.node}: execution {name} is not this one's; another name is used"
    shell.recorder.emit(tracked.reference, EventReason.NAME_TAKEN, message)
    return True


def is_ours(tracked: Tracked, raw: Raw) -> bool:
    """Whether it is a sub-execution of this one: only holders of `trigger` can set spec.parent."""
    return bool((raw["spec"].get("parent") or {}).get("uid") == tracked.run.uid)
