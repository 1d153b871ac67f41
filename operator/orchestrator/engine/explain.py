"""Explains why each node of an execution is in its state, and what it waits for.

It adds no rules of its own: edges, joins and scopes are the engine's, applied to the recorded
status.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from orchestrator.engine.expression_budgets import MAX_PASS_WORK, NODE_VIEW_WORK
from orchestrator.engine.graph import Graph, GraphEdge, GraphNode, NodeKind
from orchestrator.engine.nodes.edges import EdgeState, edge_state
from orchestrator.engine.nodes.not_started import HOLD_UPS
from orchestrator.engine.scope import workflow_scope
from orchestrator.engine.status.conditions import is_recorded
from orchestrator.engine.status.execution_status import run_from
from orchestrator.engine.status.records import Record, Run
from orchestrator.engine.times import from_rfc3339, in_words
from orchestrator.expressions import ExpressionError, evaluate_boolean
from orchestrator.expressions.budget import Account, afford, paid_by
from orchestrator.models.execution import DesiredState, ExecutionPhase, NodePhase
from orchestrator.models.reasons import Reason
from orchestrator.models.workflow import Join, Outcome

UNSEEN_SECONDS = 15.0
"""Seconds without a status after which it is likely that no operator is running."""
CHECK_OPERATOR = "`kubectl get deployments -A -l app.kubernetes.io/part-of=itechsmart-workflow`"
"""Shows whether the operator is ready, in whichever namespace it is installed."""
_MEANINGS: Mapping[str, str] = {reason.value: reason.meaning for reason in Reason}
_REMEDIES: Mapping[str, str] = {reason.value: reason.remedy for reason in Reason}


def explain_execution(raw: Mapping[str, Any], now: float) -> str:
    """The state of the execution in a sentence or two; `now` in seconds since the epoch."""
    recorded = " The history has recorded it." if is_recorded(raw.get("status") or {}) else ""
    return _state_of(raw, now) + recorded


def _state_of(raw: Mapping[str, Any], now: float) -> str:
    name, status = raw["metadata"]["name"], raw.get("status") or {}
    phase = ExecutionPhase(status.get("phase") or ExecutionPhase.PENDING)
    message = status.get("message") or unseen(raw, now)
    started_at = status.get("startedAt")
    if started_at is None:
        if phase.terminal:
            return f"{name} ended {phase.value} before it ran anything: {message}."
        waits = f"{name} has not started ({status.get('reason') or phase.value}): {message}."
        if phase is not ExecutionPhase.PENDING:
            return waits
        return " ".join([waits, *_remedy(status.get("reason", ""))])
    if phase.terminal:
        took = from_rfc3339(status["finishedAt"]) - from_rfc3339(started_at)
        return f"{name} ended {phase.value} after {in_words(took)}: {message}."
    since = in_words(now - from_rfc3339(started_at))
    said = (
        f"{name} has been {phase.value} for {since}, {status.get('progress', '0')} nodes have ended"
    )
    cancelling, settled = status.get("cancelRequested"), status.get("settled")
    if settled:
        return f"{said}; everything except finally ended {settled['phase']}: {settled['message']}."
    if cancelling:
        return f"{said}; it is ending: {cancelling['message']}."
    if phase is ExecutionPhase.PAUSED:
        return f"{said}; it is paused: running nodes finish, nothing new starts."
    return f"{said}."


def unseen(raw: Mapping[str, Any], now: float) -> str:
    """The message of an execution without a status; `now` in seconds since the epoch."""
    created_at = raw["metadata"].get("creationTimestamp")
    waited = now - from_rfc3339(created_at) if created_at else 0.0
    if waited < UNSEEN_SECONDS:
        return "the operator has not reconciled it yet"
    return (
        f"the operator has not reconciled it for {in_words(waited)}; check that it is running:"
        f" {CHECK_OPERATOR}"
    )


def explain_nodes(raw: Mapping[str, Any], graph: Graph, now: float) -> dict[str, str]:
    """A sentence or two for every node, in the order of the workflow.

    Its expressions share the budget of a pass; beyond it, a `when` counts as false.
    """
    run = run_from(raw, graph)
    with paid_by(Account(MAX_PASS_WORK)):
        return {
            name: " ".join(_sentences(node, graph, run, now)) for name, node in graph.nodes.items()
        }


def explain_records(raw: Mapping[str, Any]) -> dict[str, str]:
    """What the status alone reports for the nodes that started or were skipped, without the
    graph."""
    records = (raw.get("status") or {}).get("nodes") or {}
    return {name: _recorded(name, record) for name, record in records.items()}


def _recorded(name: str, record: Mapping[str, Any]) -> str:
    reason = record.get("reason") or ""
    why = record.get("message") or _meaning(reason)
    said = f"{name} is {record['phase']}" + (f" ({reason})" if reason else "")
    return f"{said}: {why.rstrip('.')}." if why else f"{said}."


def _sentences(node: GraphNode, graph: Graph, run: Run, now: float) -> Iterator[str]:
    record = run.records.get(node.name)
    if record is None:
        yield _not_started(node, run)
        return
    if record.phase is NodePhase.SKIPPED:
        yield f"{node.name} was skipped: {_skipped(node, graph, run, record)}."
        return
    began = _began(node, graph, run)
    match record.phase:
        case NodePhase.SUCCEEDED if record.reason == Reason.REUSED:
            yield f"{node.name} did not run: its outputs are those of the execution before."
        case NodePhase.SUCCEEDED:
            note = f": {record.message}" if record.message else ""
            yield f"{node.name} ran because {began}, and succeeded{_after(record)}{note}."
        case NodePhase.FAILED | NodePhase.TIMED_OUT:
            verb = "failed" if record.phase is NodePhase.FAILED else "timed out"
            why = record.message or _meaning(record.reason)
            ended = f"{verb}{_after(record)} ({record.reason}): {why}"
            yield f"{node.name} ran because {began}, and {ended}."
            yield from _handled(node, graph, run, record)
        case NodePhase.CANCELLED:
            why = record.message or _meaning(record.reason)
            yield f"{node.name} was cancelled ({record.reason}): {why}."
        case _:
            yield f"{node.name} began because {began}."
            yield _goes_on(node, record, now)
            if record.reason in HOLD_UPS:
                yield from _remedy(record.reason)


def _not_started(node: GraphNode, run: Run) -> str:
    if node.final and run.settled is None:
        return f"{node.name} has not started: it is in finally, which runs after all other nodes."
    waits = [
        f"{edge.source} ({_phase(run.records.get(edge.source))})"
        for edge in node.incoming
        if not _ended(run.records.get(edge.source))
    ]
    if waits:
        least = {
            Join.FIRST: "the first edge that is taken",
            Join.ANY: "every edge to be decided, of which one must be taken",
            Join.ALL: "every edge to be decided",
        }[node.join]
        among = f", {least}" if len(node.incoming) > 1 else ""
        return f"{node.name} has not started: it waits for {_listed(waits)}{among}."
    if run.desired_state is DesiredState.PAUSED and run.cancelling is None:
        return f"{node.name} has not started: the execution is paused."
    return f"{node.name} has not started: it is due now."


def _skipped(node: GraphNode, graph: Graph, run: Run, record: Record) -> str:
    if record.reason not in (Reason.BLOCKED, Reason.BRANCH_NOT_CHOSEN):
        return record.message or _meaning(record.reason)
    if not node.incoming or (record.message or "").startswith("when is false"):
        return record.message
    wanted = EdgeState.BLOCKS if record.reason == Reason.BLOCKED else EdgeState.NOT_TAKEN
    found = [_why(edge, run) for edge in node.incoming if _state(edge, graph, run) is wanted]
    return "; ".join(found) or record.message


def _began(node: GraphNode, graph: Graph, run: Run) -> str:
    if node.final:
        return "all other nodes had ended"
    if not node.incoming:
        return "it has no dependencies"
    taken = [
        f"{edge.source} {_phase(run.records.get(edge.source))}"
        for edge in node.incoming
        if _state(edge, graph, run) is EdgeState.TAKEN
    ]
    return f"{_listed(taken)}" if taken else "an edge to it was taken"


def _goes_on(node: GraphNode, record: Record, now: float) -> str:
    name = node.name
    if record.retry_at is not None:
        when = in_words(max(0.0, record.retry_at - now))
        return f"{name} continues in {when}: {record.message or _meaning(record.reason)}."
    if node.kind is NodeKind.DELAY:
        left = (record.started_at or now) + node.delay - now
        return f"{name} waits {node.spec.delay}, another {in_words(max(0.0, left))}."
    if node.kind in (NodeKind.APPROVAL, NodeKind.WAIT):
        most = in_words(max(0.0, record.attempt_start + node.timeout - now))
        what = record.message or _awaited(node) or _meaning(record.reason)
        return f"{name} waits ({record.reason}), for another {most} at most: {what}."
    since = in_words(max(0.0, now - record.attempt_start))
    attempt = f", attempt {record.attempts}" if record.attempts > 1 else ""
    why = record.message or (_meaning(record.reason) if record.reason else "its pod runs")
    where = record.execution or record.job
    at = f" as {where}" if where else ""
    return f"{name} has been {record.phase.value}{at} for {since}{attempt}: {why.rstrip('.')}."


def _awaited(node: GraphNode) -> str:
    wait = node.spec.wait
    if wait is None:
        return ""
    return f"the signal {wait.signal}" if wait.signal else f"until {wait.until}"


def _handled(node: GraphNode, graph: Graph, run: Run, record: Record) -> Iterator[str]:
    handlers = [
        edge.target
        for edge in node.outgoing
        if edge.outcome is Outcome.FAILED and _state(edge, graph, run) is EdgeState.TAKEN
    ]
    if node.allow_failure:
        yield f"{node.name} may fail (allowFailure), so the execution does not fail for it."
    elif handlers:
        yield f"{_listed(handlers)} handled it."
    else:
        yield "Not handled: no edge with outcome Failed was taken from it."
        yield from _remedy(record.reason)


def _why(edge: GraphEdge, run: Run) -> str:
    """Why an edge was not taken, or blocks."""
    record = run.records.get(edge.source)
    state = _phase(record)
    if record is not None and record.phase is NodePhase.SKIPPED:
        state = "was skipped" + (" as Blocked" if record.reason == Reason.BLOCKED else "")
        return f"{edge.source} {state}"
    if edge.outcome in (Outcome.THEN, Outcome.ELSE) and record is not None:
        took = "Then" if record.outputs.get("result") is True else "Else"
        if record.phase is NodePhase.SUCCEEDED and took != edge.outcome.value:
            required = edge.outcome.value
            return f"the outcome of {edge.source} is {took}, and the edge requires {required}"
    if edge.when is not None and record is not None and record.phase is NodePhase.SUCCEEDED:
        return f"the edge from {edge.source} requires `{edge.when}`, which is false"
    return f"the edge from {edge.source} requires {edge.outcome.value}, and it {state}"


def _state(edge: GraphEdge, graph: Graph, run: Run) -> EdgeState:
    def holds(edge: GraphEdge) -> bool:
        target = graph.nodes[edge.target]
        names = graph.nodes if target.reads is None else target.reads
        if edge.when is None:
            return True
        try:
            afford(NODE_VIEW_WORK * len(names))
            return evaluate_boolean(edge.when, workflow_scope(run, run.records, names))
        except ExpressionError:
            return False

    return edge_state(edge, graph.nodes[edge.source], run.records.get(edge.source), holds)


def _ended(record: Record | None) -> bool:
    return record is not None and record.phase.terminal


def _phase(record: Record | None) -> str:
    if record is None:
        return "not started"
    return _WORDS.get(record.phase, f"is {record.phase.value}")


_WORDS = {
    NodePhase.SUCCEEDED: "succeeded",
    NodePhase.FAILED: "failed",
    NodePhase.TIMED_OUT: "timed out",
    NodePhase.CANCELLED: "was cancelled",
    NodePhase.SKIPPED: "was skipped",
}


def _after(record: Record) -> str:
    took = ""
    if record.started_at is not None and record.finished_at is not None:
        took = f" after {in_words(record.finished_at - record.started_at)}"
    return f"{took}, at attempt {record.attempts}" if record.attempts > 1 else took


def _meaning(reason: str) -> str:
    return _MEANINGS.get(reason, reason).rstrip(".")


def _remedy(reason: str) -> Iterator[str]:
    if reason in _REMEDIES:
        yield f"What to do: {_REMEDIES[reason]}"


def _listed(words: list[str]) -> str:
    if len(words) > 4:
        words = [*words[:3], f"{len(words) - 3} more"]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
