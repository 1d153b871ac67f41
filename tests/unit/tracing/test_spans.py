"""The spans of an execution say what its status says."""

from __future__ import annotations

from typing import Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import StatusCode

from orchestrator.engine.times import to_rfc3339
from orchestrator.engine.trace_context import execution_trace
from orchestrator.models.labels import TRACEPARENT
from orchestrator.tracing.spans import spans_of
from tests.unit.history.executions import START, ended, record

MS = 1_000_000
NODES = {
    "check": {**record("Succeeded", START - 60, 10), "attempts": 1, "job": "deploy-check-1"},
    "restart": {
        **record("Failed", START - 50, 50),
        "reason": "ActionFailed",
        "message": "exit code 1: no such service",
        "attempts": 3,
        "attemptStartedAt": to_rfc3339(START - 5),
        "exitCode": 1,
    },
    "never": {"phase": "Skipped", "reason": "Blocked", "finishedAt": to_rfc3339(START)},
}


def made(**more: Any) -> dict[str, ReadableSpan]:
    raw = ended("run", nodes=NODES, **more)
    return {span.name: span for span in spans_of(raw, Resource({}))}


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def nanoseconds(seconds: float) -> int:
    return round(seconds * 1000) * MS


def test_each_node_that_started_has_a_span_below_its_execution() -> None:
    spans = made()
    assert set(spans) == {"workflow deploy", "check", "restart"}
    trace = execution_trace(ended("run")["metadata"])
    for name in ("check", "restart"):
        span = spans[name]
        assert span.context.span_id == int(trace.node(name).span_id, 16)
        assert span.parent is not None
        assert span.parent.span_id == int(trace.span.span_id, 16)
    assert spans["workflow deploy"].parent is None


def test_times_are_those_of_the_status() -> None:
    spans = made()
    root = spans["workflow deploy"]
    assert (root.start_time, root.end_time) == (nanoseconds(START - 61), nanoseconds(START))
    (admitted,) = root.events
    assert (admitted.name, admitted.timestamp) == ("admitted", nanoseconds(START - 60))
    check, restart = spans["check"], spans["restart"]
    assert (check.start_time, check.end_time) == (nanoseconds(START - 60), nanoseconds(START - 50))
    (last,) = restart.events
    assert (last.name, last.timestamp) == ("attempt", nanoseconds(START - 5))
    assert dict(last.attributes or {}) == {"itechsmart.node.attempt": 3}


def test_a_failure_is_an_error_with_its_reason_and_message() -> None:
    spans = made(phase="Failed", reason="NodeFailed", message="restart failed")
    restart = spans["restart"]
    assert restart.status.status_code is StatusCode.ERROR
    assert restart.status.description == "exit code 1: no such service"
    assert attributes(restart)["error.type"] == "ActionFailed"
    assert attributes(restart)["itechsmart.node.attempts"] == 3
    assert attributes(restart)["itechsmart.node.exit_code"] == 1
    assert spans["workflow deploy"].status.description == "restart failed"
    assert spans["check"].status.status_code is StatusCode.OK
    assert attributes(spans["check"])["k8s.job.name"] == "deploy-check-1"


def test_where_it_ran_and_what_started_it_are_attributes() -> None:
    trigger = {"type": "alert", "name": "on-alert"}
    found = attributes(made(spec={"trigger": trigger})["workflow deploy"])
    assert found == {
        "k8s.namespace.name": "shop",
        "itechsmart.workflow": "deploy",
        "itechsmart.execution": "run",
        "itechsmart.execution.uid": "uid-shop-run",
        "itechsmart.phase": "Succeeded",
        "itechsmart.trigger.type": "alert",
        "itechsmart.trigger.name": "on-alert",
    }


def test_an_execution_that_never_started_has_one_span() -> None:
    raw = ended("run", seconds=None, phase="Cancelled", reason="ConcurrencyForbidden")
    (span,) = spans_of(raw, Resource({}))
    assert span.start_time == nanoseconds(START - 1)
    assert span.end_time == nanoseconds(START)


def test_an_unsampled_trace_has_no_spans() -> None:
    parent = f"00-{'a' * 32}-{'b' * 16}-0"
    assert len(made(annotations={TRACEPARENT: f"{parent}1"})) == 3
    assert made(annotations={TRACEPARENT: f"{parent}0"}) == {}
