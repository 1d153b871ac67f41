"""One look at an execution: control first, then what started, then what may start, then the end."""

from __future__ import annotations

from collections.abc import Iterable

from orchestrator.engine import reasons
from orchestrator.engine.decisions import Ending, Pass
from orchestrator.engine.edges import FAILURES, matches
from orchestrator.engine.graph import Graph, GraphNode
from orchestrator.engine.observed import Observed
from orchestrator.engine.progressing import progress
from orchestrator.engine.records import Cancelling, Run
from orchestrator.engine.scope import workflow_scope
from orchestrator.engine.starting import consider
from orchestrator.engine.work import Work
from orchestrator.expressions import ExpressionError, compile_expression, evaluate_boolean
from orchestrator.models.execution import DesiredState, ExecutionPhase
from orchestrator.models.workflow import Outcome

_CANCELLED = {
    DesiredState.CANCELLED: (reasons.CANCEL_REQUESTED, "the execution was cancelled"),
    DesiredState.TERMINATED: (reasons.TERMINATED, "the execution was terminated"),
}


def advance(graph: Graph, run: Run, observed: Observed, now: float, *, scan: bool) -> Pass:
    """Decide what follows from the state.

    Only the run's active nodes and what follows from them are looked at, so that a pass costs
    what has changed. `scan` looks at every node without a record too: after a start of the
    controller, at admission, and after a pause.
    """
    work = Work(graph, run, observed, now, run.cancelling)
    _control(work)
    for name in run.active:
        progress(work, graph.nodes[name], run.records[name])
    if scan:
        for node in graph.nodes.values():
            consider(work, node)
    _follow(work)
    phase = ExecutionPhase.PAUSED if work.paused else ExecutionPhase.RUNNING
    return Pass(
        records=work.changes,
        before=tuple(work.before),
        after=tuple(work.after),
        announcements=tuple(work.announcements),
        phase=phase,
        cancelling=work.cancelling,
        ending=_ending(work),
        urgent=work.urgent or phase != run.phase or work.cancelling != run.cancelling,
        wake_at=work.wake_at,
    )


def _control(work: Work) -> None:
    """Begin to cancel when it is asked for, or when the execution's time is over."""
    asked = _CANCELLED.get(work.run.desired_state)
    if work.cancelling is None and asked:
        work.cancelling = Cancelling(work.now, *asked)
    timeout = work.graph.timeout
    if work.cancelling is None and timeout is not None:
        due = work.run.started_at + timeout
        if work.now >= due:
            message = f"the execution ran longer than {work.graph.spec.timeout}"
            work.cancelling = Cancelling(work.now, reasons.EXECUTION_TIMED_OUT, message)
        else:
            work.wake(due)


def _follow(work: Work) -> None:
    """Decide the targets of every node that ended in this pass, and of those that then end."""
    seen = 0
    while seen < len(work.ended):
        for edge in work.graph.nodes[work.ended[seen]].outgoing:
            consider(work, work.graph.nodes[edge.target])
        seen += 1


def _ending(work: Work) -> Ending | None:
    records = work.records
    if len(records) < len(work.graph.nodes) or any(
        not records[name].phase.terminal for name in (*work.run.active, *work.changes)
    ):
        return None
    if work.cancelling is not None:
        timed_out = work.cancelling.reason == reasons.EXECUTION_TIMED_OUT
        phase = ExecutionPhase.TIMED_OUT if timed_out else ExecutionPhase.CANCELLED
        return Ending(phase, work.cancelling.reason, work.cancelling.message, {})
    failures = [node for node in work.graph.nodes.values() if _unhandled(work, node)]
    if failures:
        return Ending(
            ExecutionPhase.FAILED, reasons.NODE_FAILED, _failure_words(work, failures), {}
        )
    return _succeeded(work)


def _unhandled(work: Work, node: GraphNode) -> bool:
    """Whether the node failed and nothing handled it: no Failed edge taken, no allowFailure."""
    record = work.record(node.name)
    if record is None or record.phase not in FAILURES or node.allow_failure:
        return False
    for edge in node.outgoing:
        if edge.outcome is Outcome.FAILED and matches(edge.outcome, record, allow_failure=False):
            target = work.graph.nodes[edge.target]
            try:
                if edge.when is None or evaluate_boolean(edge.when, _scope(work, target)):
                    return False
            except ExpressionError:
                continue
    return True


def _scope(work: Work, node: GraphNode) -> dict[str, object]:
    names: Iterable[str] = work.graph.nodes if node.reads is None else node.reads
    return workflow_scope(work.run, work.records, names)


def _failure_words(work: Work, failures: list[GraphNode]) -> str:
    shown = []
    for node in failures[:3]:
        record = work.record(node.name)
        assert record is not None
        why = record.message or record.reason
        shown.append(f"{node.name} {record.phase.value}: {why}" if why else node.name)
    more = f"; and {len(failures) - 3} more" if len(failures) > 3 else ""
    return "; ".join(shown) + more


def _succeeded(work: Work) -> Ending:
    graph = work.graph
    names: Iterable[str] = graph.nodes if graph.output_reads is None else graph.output_reads
    scope = workflow_scope(work.run, work.records, names)
    outputs = {}
    for index, output in enumerate(graph.spec.outputs):
        try:
            outputs[output.name] = compile_expression(output.value).evaluate(scope)
        except ExpressionError as error:
            message = f"spec.outputs[{index}].value: {error}"
            return Ending(ExecutionPhase.FAILED, reasons.EXPRESSION_ERROR, message, {})
    count = len(graph.nodes)
    message = f"{count} node{'' if count == 1 else 's'} ended, none failed unhandled"
    return Ending(ExecutionPhase.SUCCEEDED, reasons.COMPLETED, message, outputs)
