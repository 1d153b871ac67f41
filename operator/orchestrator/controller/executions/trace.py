"""Debug logging of a reconciliation: observations, decisions, writes and requeues.

The lines of one execution together explain what it did and why.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import fields

from orchestrator.controller.executions.state.execution_state import ExecutionState
from orchestrator.controller.executions.state.wakeups import Due
from orchestrator.engine.decisions import ControlChild, CreateChild, Creation, Pass, StopJob
from orchestrator.engine.lifecycle.admission import Refusal
from orchestrator.engine.observed import Attempt
from orchestrator.engine.status.records import Record, Run
from orchestrator.engine.times import to_rfc3339
from orchestrator.process.logs import ExecutionLog, Key

log = ExecutionLog("orchestrator.executions")


def trace_round(key: Key, run: Run, dirty: Collection[str] | None) -> None:
    """Log the nodes that a round reconciles."""
    if not log.debugs:
        return
    if dirty is None:
        log.debug(key, "reconciling all active nodes: %s", ", ".join(run.active) or "none")
    else:
        nodes = ", ".join(sorted(dirty)) or "none, progress is to be written"
        log.debug(key, "reconciling nodes with events: %s", nodes)


def trace_observed(key: Key, observed: Mapping[tuple[str, int], Attempt]) -> None:
    """Log the observed attempts."""
    if not log.debugs:
        return
    for (node, number), attempt in observed.items():
        log.debug(key, "observed node %s, attempt %d: %s", node, number, _attempt(attempt))


def trace_decided(key: Key, run: Run, decided: Pass) -> None:
    """Log the decisions and their reasons; `run` is the state before them."""
    if not log.debugs:
        return
    lines = [*_decisions(run, decided)]
    for line in lines:
        log.debug(key, "decided: %s", line)
    if not lines:
        log.debug(key, "decided: no change")


def trace_created(
    state: ExecutionState, decision: Creation, outcome: Attempt | BaseException | None
) -> None:
    """Log the result of creating a Job or sub-execution."""
    if not log.debugs:
        return
    item = decision.index if isinstance(decision, CreateChild) else None
    name = state.name_of(decision.node, decision.attempt, item)
    where = f"{name} of node {_place(decision.node, item)}, attempt {decision.attempt}"
    if outcome is None:
        log.debug(state.key, "created: %s", where)
        return
    why = _attempt(outcome) if isinstance(outcome, Attempt) else outcome
    log.debug(state.key, "not created: %s: %s", where, why)


def trace_refused(key: Key, refusal: Refusal) -> None:
    """Log that an execution ends before it ran, or cannot continue."""
    end = refusal.phase.value
    log.debug(key, "decided: end %s, reason %s: %s", end, refusal.reason, refusal.message)


def trace_requeued(key: Key, state: ExecutionState | None, due: Due | None) -> None:
    """Log when and why the next pass is due."""
    if not log.debugs:
        return
    retries = ", ".join(_retries(state.run)) if state is not None else ""
    if retries:
        retries = f"; nodes to retry: {retries}"
    if due is None:
        log.debug(key, "not requeued: waiting for events%s", retries)
    else:
        log.debug(key, "requeued in %.3f s: %s%s", *due, retries)


def trace_stored(key: Key, phase: str, changes: Mapping[str, Record], version: int) -> None:
    """Log which records a status write stored."""
    if log.debugs:
        nodes = ", ".join(changes) or "none"
        log.debug(key, "stored as version %d: phase %s, changed nodes: %s", version, phase, nodes)


def _retries(run: Run) -> Iterator[str]:
    for node in run.active:
        if (retry_at := run.records[node].retry_at) is not None:
            yield f"{node} at {to_rfc3339(retry_at)}"


def _decisions(run: Run, decided: Pass) -> Iterator[str]:
    for node, record in decided.records.items():
        yield f"node {node}: {_change(run.records.get(node), record)}"
    for when, steps in (("now", decided.before), ("once that is stored", decided.after)):
        for step in steps:
            yield f"{_step(step)} {when}"
    if decided.phase is not run.phase:
        yield f"phase {run.phase.value} → {decided.phase.value}"
    if decided.cancelling is not None and decided.cancelling != run.cancelling:
        yield f"cancel{_because(decided.cancelling.reason, decided.cancelling.message)}"
    if decided.ending is not None:
        ending = decided.ending
        yield f"end {ending.phase.value}{_because(ending.reason, ending.message)}"


def _change(old: Record | None, new: Record) -> str:
    before = "new" if old is None else old.phase.value
    after = f"{before} → {new.phase.value}{_because(new.reason, new.message)}"
    if new.retry_at is not None:
        return f"{after}; attempt {new.attempts + 1} at {to_rfc3339(new.retry_at)}"
    if new.attempts != (0 if old is None else old.attempts):
        return f"{after}; attempt {new.attempts}"
    if old is not None and old.phase is new.phase:
        names = [field.name for field in fields(new)]
        changed = [name for name in names if getattr(old, name) != getattr(new, name)]
        return f"{after}; changed: {', '.join(changed)}"
    return after


def _step(step: object) -> str:
    match step:
        case StopJob():
            how = " by force" if step.force else ""
            return f"stop the Job of node {step.node}, attempt {step.attempt},{how}"
        case ControlChild():
            where = _place(step.node, step.index)
            return f"set the sub-execution of node {where} to {step.state.value}"
        case CreateChild():
            where = _place(step.node, step.index)
            return f"create the sub-execution of node {where}, attempt {step.attempt},"
        case _:
            node, attempt = getattr(step, "node", ""), getattr(step, "attempt", 0)
            return f"create the Job of node {node}, attempt {attempt},"


def _attempt(attempt: Attempt) -> str:
    words = f"{attempt.state.value}{_because(attempt.reason, attempt.message)}"
    if name := attempt.job or attempt.execution:
        words += f" ({name})"
    return words


def _place(node: str, item: int | None) -> str:
    return node if item is None else f"{node}[{item}]"


def _because(reason: str, message: str) -> str:
    because = f", reason {reason}" if reason else ""
    return f"{because}: {message}" if message else because
