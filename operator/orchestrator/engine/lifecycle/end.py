"""How an execution ends: first all nodes outside `finally`, then `finally`, then the outputs."""

from __future__ import annotations

from collections.abc import Collection

import orjson

from orchestrator.engine.decisions import Ending
from orchestrator.engine.expression_budgets import MAX_JUDGING_WORK, NODE_VIEW_WORK
from orchestrator.engine.graph import GraphNode
from orchestrator.engine.lifecycle.cancellation import phase_of
from orchestrator.engine.nodes.failure_handling import failures
from orchestrator.engine.scope import workflow_scope
from orchestrator.engine.status.records import Settled
from orchestrator.engine.status.size import MAX_OUTPUTS, MAX_STATUS
from orchestrator.engine.work import Work
from orchestrator.expressions import ExpressionError, compile_expression
from orchestrator.expressions.budget import Account, paid_by, pay
from orchestrator.models.execution import ExecutionPhase
from orchestrator.models.reasons import Reason

_FAILED_BY_NODE = (Reason.FAILURE_STOPPED, Reason.FAILURE_CANCELLED)


def record_outcome(work: Work) -> bool:
    """Whether all nodes outside `finally` have ended; the outcome is recorded once and is final."""
    if work.settled is not None:
        return True
    if work.count < work.graph.main or work.goes_on():
        return False
    with paid_by(Account(MAX_JUDGING_WORK)):
        settled = _outcome(work)
    if work.graph.final:
        work.settle(settled)
    else:
        work.settled = settled
    return True


def ending(work: Work) -> Ending | None:
    """The execution's end, once `finally` has ended too."""
    settled = work.settled
    if settled is None or work.count < len(work.graph.nodes) or work.goes_on():
        return None
    if settled.phase is not ExecutionPhase.SUCCEEDED:
        return Ending(settled.phase, settled.reason, settled.message, {})
    with paid_by(Account(MAX_JUDGING_WORK)):
        return _end_of(work, settled)


def _end_of(work: Work, settled: Settled) -> Ending:
    """The end if all nodes outside `finally` succeeded."""
    final = failures(work, (work.graph.nodes[name] for name in work.graph.final))
    if any(work.records[node.name].reason == Reason.FINALLY_TIMED_OUT for node in final):
        message = f"finally took longer than {work.graph.spec.finally_timeout}"
        return Ending(ExecutionPhase.FAILED, Reason.FINALLY_TIMED_OUT, message, {})
    if final:
        return Ending(ExecutionPhase.FAILED, Reason.NODE_FAILED, _words(work, final), {})
    return _succeeded(work, settled)


def _outcome(work: Work) -> Settled:
    """Cancelled takes precedence over TimedOut, and TimedOut over Failed."""
    cause = work.cancelling
    if cause is not None and cause.reason == Reason.EXECUTION_TIMED_OUT and not _cut(work):
        cause = None  # all had ended in time; no operator was running to record it
    if cause is not None and cause.reason not in _FAILED_BY_NODE:
        return Settled(work.now, phase_of(cause), cause.reason, cause.message)
    failed = failures(work, (node for node in work.graph.nodes.values() if not node.final))
    if failed:
        words = _words(work, failed)
        return Settled(work.now, ExecutionPhase.FAILED, Reason.NODE_FAILED, words)
    if cause is not None:
        return Settled(work.now, phase_of(cause), cause.reason, cause.message)
    count = len(work.graph.nodes)
    message = f"{count} node{'' if count == 1 else 's'} ended, none failed unhandled"
    return Settled(work.now, ExecutionPhase.SUCCEEDED, Reason.COMPLETED, message)


def _cut(work: Work) -> bool:
    """Whether the execution's timeout ended any node."""
    return any(record.reason == Reason.EXECUTION_TIMED_OUT for record in work.records.values())


def _words(work: Work, failed: list[GraphNode]) -> str:
    shown = []
    for node in failed[:3]:
        record = work.records[node.name]
        why = record.message or record.reason
        shown.append(f"{node.name} {record.phase.value}: {why}" if why else node.name)
    more = f"; and {len(failed) - 3} more" if len(failed) > 3 else ""
    return "; ".join(shown) + more


def _succeeded(work: Work, settled: Settled) -> Ending:
    graph = work.graph
    names: Collection[str] = graph.nodes if graph.output_reads is None else graph.output_reads
    scope = workflow_scope(work.run, work.records, names)
    pay(NODE_VIEW_WORK * len(names))
    outputs = {}
    for index, output in enumerate(graph.spec.outputs):
        try:
            outputs[output.name] = compile_expression(output.value).evaluate(scope)
        except ExpressionError as error:
            message = f"spec.outputs[{index}].value: {error}"
            return Ending(ExecutionPhase.FAILED, error.reason, message, {})
    size = len(orjson.dumps(outputs))
    if size > MAX_OUTPUTS or work.run.size + work.more_size + size > MAX_STATUS:
        message = f"spec.outputs: {size:,} bytes together; at most "
        message += f"{MAX_OUTPUTS:,} are stored, and {MAX_STATUS:,} with the records of its nodes"
        return Ending(ExecutionPhase.FAILED, Reason.STATUS_BUDGET, message, {})
    return Ending(settled.phase, settled.reason, settled.message, outputs)
