"""The trace of an execution follows from its uid, or continues the one that it was started in."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.engine.trace_context import SpanContext, execution_trace, parse_traceparent
from orchestrator.models.labels import TRACEPARENT

UID = "7f3c2a9e-5b1d-4c8a-9e2f-0a1b2c3d4e5f"
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
STARTED_BY = f"00-{TRACE}-{SPAN}-01"


def metadata(traceparent: str | None = None, uid: str = UID) -> dict[str, Any]:
    annotations = {} if traceparent is None else {TRACEPARENT: traceparent}
    return {"uid": uid, "annotations": annotations}


def test_a_trace_is_found_by_the_uid_of_its_execution() -> None:
    trace = execution_trace(metadata())
    assert trace.span.trace_id == UID.replace("-", "")
    assert trace.parent is None
    assert execution_trace({"uid": UID}) == trace


def test_ids_are_the_same_each_time_and_differ_by_execution_and_node() -> None:
    trace = execution_trace(metadata())
    assert trace == execution_trace(metadata())
    other = execution_trace(metadata(uid=UID.replace("7", "8")))
    spans = [trace.span, trace.node("a"), trace.node("b"), other.span, other.node("a")]
    assert len({span.span_id for span in spans}) == len(spans)
    assert str(trace.node("a")) == f"00-{trace.span.trace_id}-{trace.node('a').span_id}-01"


def test_the_trace_of_who_started_the_execution_goes_on() -> None:
    trace = execution_trace(metadata(STARTED_BY))
    assert trace.parent == SpanContext(TRACE, SPAN)
    assert trace.span.trace_id == trace.node("a").trace_id == TRACE
    assert trace.span.span_id == execution_trace(metadata()).span.span_id


def test_an_unsampled_trace_stays_unsampled() -> None:
    trace = execution_trace(metadata(f"00-{TRACE}-{SPAN}-00"))
    assert str(trace.node("a")).endswith("-00")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "4bf9",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01\n",
    ],
)
def test_an_invalid_traceparent_is_ignored(text: str) -> None:
    assert parse_traceparent(text) is None
    assert execution_trace(metadata(text)) == execution_trace(metadata())


def test_a_later_version_is_read_by_what_is_known_of_it() -> None:
    assert parse_traceparent(f"01-{TRACE}-{SPAN}-03-more") == SpanContext(TRACE, SPAN)


@given(st.text(max_size=80))
def test_any_text_and_any_uid_give_a_valid_trace(text: str) -> None:
    trace = execution_trace(metadata(text, uid=text))
    assert parse_traceparent(str(trace.node(text))) == trace.node(text)
