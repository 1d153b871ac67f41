"""The spans of an ended execution: one for the execution, and one for each node that started.

Times are those of the status, and ids follow from the uid, so that the same execution always has
the same spans. A node has one span for all of its attempts, iterations and items.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext as OtelSpanContext
from opentelemetry.trace import SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.util.types import AttributeValue

from orchestrator.engine.times import optional_from_rfc3339
from orchestrator.engine.trace_context import ExecutionTrace, SpanContext, execution_trace
from orchestrator.models.execution import ExecutionPhase, NodePhase

SCOPE = InstrumentationScope("orchestrator")
_GOOD = (ExecutionPhase.SUCCEEDED, NodePhase.SUCCEEDED, NodePhase.SKIPPED)
_NANOSECONDS = 1_000_000
"""Nanoseconds of a millisecond, the resolution of a status."""

Attributes = dict[str, AttributeValue]


def spans_of(raw: Mapping[str, Any], resource: Resource) -> list[ReadableSpan]:
    """The spans of an ended execution as it was read; none if its trace is not sampled."""
    trace = execution_trace(raw["metadata"])
    if not trace.span.sampled:
        return []
    return [_execution_span(raw, trace, resource), *_node_spans(raw, trace, resource)]


def _execution_span(
    raw: Mapping[str, Any], trace: ExecutionTrace, resource: Resource
) -> ReadableSpan:
    metadata, spec, status = raw["metadata"], raw["spec"], raw["status"]
    created, started = _time(metadata["creationTimestamp"]), _time(status.get("startedAt"))
    ended = _time(status.get("finishedAt"))
    trigger = spec.get("trigger") or {}
    attributes = _present(
        {
            **_common(raw),
            "itechsmart.phase": status["phase"],
            "itechsmart.reason": status.get("reason"),
            "itechsmart.trigger.type": trigger.get("type"),
            "itechsmart.trigger.name": trigger.get("name"),
        }
    )
    return _span(
        f"workflow {spec['workflow']}",
        trace.span,
        trace.parent,
        times=(created if started is None else min(created or started, started), ended),
        attributes=attributes,
        events=[] if started is None else [Event("admitted", timestamp=started)],
        status=status,
        resource=resource,
    )


def _node_spans(
    raw: Mapping[str, Any], trace: ExecutionTrace, resource: Resource
) -> Iterator[ReadableSpan]:
    common = _common(raw)
    for name, record in (raw["status"].get("nodes") or {}).items():
        started = _time(record.get("startedAt"))
        if started is None:
            continue  # skipped, or cancelled before its start
        attributes = _present(
            {
                **common,
                "itechsmart.node": name,
                "itechsmart.phase": record["phase"],
                "itechsmart.reason": record.get("reason"),
                "itechsmart.node.attempts": record.get("attempts"),
                "itechsmart.node.iteration": record.get("iteration"),
                "itechsmart.node.items": record.get("items"),
                "itechsmart.node.exit_code": record.get("exitCode"),
                "itechsmart.node.execution": record.get("execution"),
                "k8s.job.name": record.get("job"),
            }
        )
        last = _time(record.get("attemptStartedAt"))
        number = {"itechsmart.node.attempt": record.get("attempts") or 1}
        yield _span(
            name,
            trace.node(name),
            trace.span,
            times=(started, _time(record.get("finishedAt"))),
            attributes=attributes,
            events=[] if last is None else [Event("attempt", number, timestamp=last)],
            status=record,
            resource=resource,
        )


def _span(
    name: str,
    context: SpanContext,
    parent: SpanContext | None,
    *,
    times: tuple[int | None, int | None],
    attributes: Attributes,
    events: list[Event],
    status: Mapping[str, Any],
    resource: Resource,
) -> ReadableSpan:
    begin, end = times
    failed = status["phase"] not in _GOOD
    if failed:
        attributes["error.type"] = status.get("reason") or status["phase"]
    return ReadableSpan(
        name,
        context=_otel(context),
        parent=None if parent is None else _otel(parent),
        resource=resource,
        attributes=attributes,
        events=events,
        kind=SpanKind.INTERNAL,
        status=Status(StatusCode.ERROR, status.get("message")) if failed else Status(StatusCode.OK),
        start_time=begin,
        end_time=begin if end is None or begin is None else max(begin, end),
        instrumentation_scope=SCOPE,
    )


def _common(raw: Mapping[str, Any]) -> Attributes:
    metadata = raw["metadata"]
    return {
        "k8s.namespace.name": metadata["namespace"],
        "itechsmart.workflow": raw["spec"]["workflow"],
        "itechsmart.execution": metadata["name"],
        "itechsmart.execution.uid": metadata["uid"],
    }


def _present(attributes: Mapping[str, AttributeValue | None]) -> Attributes:
    return {name: value for name, value in attributes.items() if value is not None}


def _otel(span: SpanContext) -> OtelSpanContext:
    flags = TraceFlags(TraceFlags.SAMPLED if span.sampled else TraceFlags.DEFAULT)
    return OtelSpanContext(int(span.trace_id, 16), int(span.span_id, 16), False, flags)


def _time(text: str | None) -> int | None:
    """Nanoseconds since the epoch."""
    seconds = optional_from_rfc3339(text)
    return None if seconds is None else round(seconds * 1000) * _NANOSECONDS
