"""One look at an execution: control first, then what started, then what may start, then the end."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from orchestrator.engine.control import control, react
from orchestrator.engine.decisions import Pass
from orchestrator.engine.ending import ending, settle
from orchestrator.engine.graph import Graph
from orchestrator.engine.observed import Observed
from orchestrator.engine.progressing import progress
from orchestrator.engine.records import Run
from orchestrator.engine.starting import consider
from orchestrator.engine.work import Work
from orchestrator.models.execution import ExecutionPhase


def advance(
    graph: Graph,
    run: Run,
    observed: Observed,
    now: float,
    *,
    scan: bool,
    look: Collection[str] | None = None,
    protected: bool = True,
) -> Pass:
    """Decide what follows from the state.

    Only active nodes and what follows from them are looked at, so that a pass costs what has
    changed: of the active ones those in `look`, of which there is news, or all without it. `scan`
    looks at every node without a record too: after a start of the controller, at admission, and
    after a pause. `protected` says that the API server checks who decides on approvals, so that
    decisions count.
    """
    work = Work(graph, run, observed, now, run.cancelling, run.settled, protected)
    control(work)
    for name in looked_at(graph, run, look):
        progress(work, graph.nodes[name], run.records[name])
    for name in work.ended:
        react(work, graph.nodes[name])
    reacted = len(work.ended)
    if scan:
        for node in graph.nodes.values():
            consider(work, node)
    _follow(work, reacted)
    if settle(work):
        for name in graph.final:
            consider(work, graph.nodes[name])
    end = ending(work)
    phase = ExecutionPhase.PAUSED if work.paused else ExecutionPhase.RUNNING
    return Pass(
        records=work.changes,
        before=tuple(work.before),
        after=tuple(work.after),
        announcements=tuple(work.announcements),
        phase=phase,
        cancelling=work.cancelling,
        settled=work.settled if graph.final else None,
        ending=end,
        urgent=(
            bool(work.unstored or work.after)
            or work.settled_now
            or phase != run.phase
            or work.cancelling != run.cancelling
        ),
        moved=work.moved,
        wake_at=work.wake_at,
    )


def looked_at(graph: Graph, run: Run, look: Collection[str] | None) -> Sequence[str]:
    """The active nodes that a pass looks at; what waits for a condition is asked at each change."""
    if look is None:
        return run.active
    return [name for name in run.active if name in look or name in graph.asking]


def _follow(work: Work, reacted: int) -> None:
    """Decide the targets of every node that ended in this pass, and of those that then end.

    What ended outside is reacted to before anything starts, whatever the order: the same evidence
    seen again after a crash must not start what it stopped before.
    """
    seen = 0
    while seen < len(work.ended):
        node = work.graph.nodes[work.ended[seen]]
        if seen >= reacted:
            react(work, node)
        for edge in node.outgoing:
            consider(work, work.graph.nodes[edge.target])
        seen += 1
