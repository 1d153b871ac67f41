"""Wait nodes: for a condition, evaluated at each change and every ten seconds, or a signal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from orchestrator.engine.graph import GraphNode
from orchestrator.engine.nodes.failure_handling import scope
from orchestrator.engine.people.protection import MISSING_POLICY_CHECK_SECONDS, POLICY_CHECK_SECONDS
from orchestrator.engine.status.records import Record
from orchestrator.engine.times import to_rfc3339
from orchestrator.engine.work import Work
from orchestrator.expressions import ExpressionError, evaluate_boolean
from orchestrator.expressions.bounds import to_json
from orchestrator.expressions.budget import paid_by
from orchestrator.models.execution import NodePhase
from orchestrator.models.reasons import Reason

MAX_PAYLOAD = 4096
"""Maximum bytes of a signal's payload; a larger signal does not count."""
_BEFORE = "was sent before the admission policies were in place as they are now: send another one"
CONDITION_CHECK_SECONDS = 10.0
"""Seconds after which a condition is evaluated again though nothing in the run has changed."""


def progress_wait(work: Work, node: GraphNode, record: Record) -> None:
    """Check whether the condition or signal has occurred, or the node has timed out."""
    wait = node.spec.wait
    assert wait is not None
    if wait.signal is not None:
        _await_signal(work, node, record, wait.signal)
    elif wait.until is not None:
        _await_condition(work, node, record, wait.until)


def _await_signal(work: Work, node: GraphNode, record: Record, name: str) -> None:
    """The first signal with the name counts, even if it was sent earlier; it is not consumed.

    None counts while the API server does not check who signals, nor one that was sent in that time.
    """
    if not work.protected:
        if work.trust == work.run.trust:  # otherwise the current policies are being stored first
            _await_protection(work, node, record, name)
        return
    ignored = ""
    for signal in work.run.signals:
        payload = signal.get("payload") or {}
        if signal["name"] != name:
            continue
        if not work.run.trust.believes(signal):
            ignored = f"signal {signal['id']} {_BEFORE}"
        elif _fits(work, signal):
            outputs = {
                "payload": payload,
                "by": signal.get("by", ""),
                "id": signal["id"],
            }
            _succeed(work, node, record, outputs)
            return
    work.wake(work.now + POLICY_CHECK_SECONDS)
    work.observe(node, replace(record, reason=Reason.AWAITING_SIGNAL, message=ignored))
    _time_out(work, node, record, f"no signal {name} came")


def _await_protection(work: Work, node: GraphNode, record: Record, name: str) -> None:
    message = "the admission policies that check who signals are not in place: no signal counts"
    work.wake(work.now + MISSING_POLICY_CHECK_SECONDS)
    work.observe(node, replace(record, reason=Reason.SIGNALS_UNPROTECTED, message=message))
    _time_out(work, node, record, f"no signal {name} counted: {message}")


def _fits(work: Work, signal: Mapping[str, Any]) -> bool:
    """Whether its payload is small enough, measured once a pass: many nodes may wait for it."""
    known = work.fitting.get(signal["id"])
    if known is None:
        known = work.fitting[signal["id"]] = _is_small(signal.get("payload") or {})
    return known


def _is_small(payload: object) -> bool:
    try:
        return len(to_json(payload, MAX_PAYLOAD)) <= MAX_PAYLOAD
    except ExpressionError:  # nested too deep, for example
        return False


def _await_condition(work: Work, node: GraphNode, record: Record, until: str) -> None:
    try:
        with paid_by(work.asking):
            holds = evaluate_boolean(until, scope(work, node, now=to_rfc3339(work.now)))
    except ExpressionError as error:
        message = f"{node.path}.wait.until: {error}"
        work.end(node, NodePhase.FAILED, error.reason, message, evidence=False)
        return
    if holds:
        _succeed(work, node, record, {})
        return
    work.wake(work.now + CONDITION_CHECK_SECONDS)
    _time_out(work, node, record, f"{until} did not hold")


def _succeed(work: Work, node: GraphNode, record: Record, outputs: dict[str, object]) -> None:
    done = replace(
        record, phase=NodePhase.SUCCEEDED, reason="", finished_at=work.now, outputs=outputs
    )
    work.set(node, done, evidence=False)


def _time_out(work: Work, node: GraphNode, record: Record, message: str) -> None:
    due = record.attempt_start + node.timeout
    if work.now < due:
        work.wake(due)
        return
    work.end(node, NodePhase.TIMED_OUT, Reason.TIMED_OUT, message, evidence=False)
