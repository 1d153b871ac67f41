"""One reconciliation of an execution: cancellation first, then active nodes, new nodes and the
end."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from orchestrator.engine.decisions import Pass
from orchestrator.engine.graph import Graph
from orchestrator.engine.lifecycle.cancellation import apply_on_failure, begin_cancellation
from orchestrator.engine.lifecycle.end import ending, record_outcome
from orchestrator.engine.lifecycle.pause import ends_pause, hand_down_pause, hand_down_resume
from orchestrator.engine.nodes.progress import progress
from orchestrator.engine.nodes.start import start_or_skip
from orchestrator.engine.nodes.successors import process_successors
from orchestrator.engine.observed import Observed
from orchestrator.engine.people.protection import UNCHECKED, Policies
from orchestrator.engine.status.records import Run
from orchestrator.engine.work import Work
from orchestrator.expressions.budget import paid_by
from orchestrator.models.execution import ExecutionPhase


def advance(
    graph: Graph,
    run: Run,
    observed: Observed,
    now: float,
    *,
    scan: bool,
    dirty: Collection[str] | None = None,
    policies: Policies | None = UNCHECKED,
) -> Pass:
    """Decide what follows from the state.

    Only active nodes and their successors are reconciled, so the cost of a pass is proportional to
    what changed. `dirty` names the active nodes with events; None stands for all. `scan` also
    checks every node without a record: after a start of the controller and at admission. A pass
    that ends a pause always scans. `policies` are the installed ones that make the API server check
    decisions and signals, read after the run; None if they are missing or the pass does not need
    them.

    Expressions that advance nodes share one budget of work; those that exceed it fail with
    TooCostly. The end of the run and the handling of failures have budgets of their own.
    """
    work = Work(graph, run, observed, now, run.cancelling, run.settled, policies)
    with paid_by(work.account):
        return _decide(work, scan=scan, dirty=dirty)


def _decide(work: Work, *, scan: bool, dirty: Collection[str] | None) -> Pass:
    graph, run, trust = work.graph, work.run, work.trust
    begin_cancellation(work)
    paused, resumed, cancelling = work.paused, ends_pause(work), work.cancelling
    reconciled = nodes_to_reconcile(graph, run, dirty)
    for name in reconciled:
        progress(work, graph.nodes[name], run.records[name])
    for name in work.ended:
        apply_on_failure(work, graph.nodes[name])
    process_successors(work, scan=scan or resumed, paused=paused)
    if record_outcome(work):
        for name in graph.final:
            start_or_skip(work, graph.nodes[name])
    end = ending(work)
    if work.cancelling is not cancelling:  # active nodes were evaluated before a failure changed it
        work.wake(work.now)
    if work.paused:
        hand_down_pause(work, reconciled)
    elif resumed:
        hand_down_resume(work)
    # If a failure ends the pause, the next pass resumes the sub-executions, after this one is
    # stored.
    phase = ExecutionPhase.PAUSED if paused else ExecutionPhase.RUNNING
    return Pass(
        records=work.changes,
        before=tuple(work.before),
        after=tuple(work.after),
        announcements=tuple(work.announcements),
        phase=phase,
        cancelling=work.cancelling,
        settled=work.settled if graph.final else None,
        trust=trust,
        ending=end,
        urgent=(
            bool(work.unstored or work.after)
            or work.settled_now
            or phase != run.phase
            or work.cancelling != run.cancelling
            or trust != run.trust
        ),
        transition=work.transition,
        wake_at=work.wake_at,
    )


def nodes_to_reconcile(graph: Graph, run: Run, dirty: Collection[str] | None) -> Sequence[str]:
    """The active nodes to reconcile in a pass; nodes that wait for a condition, at each change."""
    if dirty is None:
        return run.active
    return [name for name in run.active if name in dirty or name in graph.asking]
