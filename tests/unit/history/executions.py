"""Ended executions as the API server returns them, random or built by a test."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from orchestrator.engine.times import to_rfc3339
from orchestrator.history.duration_buckets import DAY as DAY_MS
from orchestrator.history.entry import Entry, approvals_of, entry_from
from orchestrator.history.selection import Selection

START = 1_800_000_000.0
DAY = 24 * 3600.0
REVISION = {
    "workflow": {
        "nodes": [
            {"name": "check", "action": "http-request"},
            {"name": "approve", "approval": {"approvers": ["user:ana@example.com"]}},
            {"name": "restart", "action": "rollout-restart"},
        ]
    }
}


def ended(
    name: str,
    *,
    namespace: str = "shop",
    workflow: str = "deploy",
    phase: str = "Succeeded",
    at: float = START,
    seconds: float | None = 60.0,
    nodes: dict[str, Any] | None = None,
    labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
    spec: dict[str, Any] | None = None,
    **status: Any,
) -> dict[str, Any]:
    """An execution that ended; without `seconds` it never started."""
    started = None if seconds is None else to_rfc3339(at - seconds)
    admitted: dict[str, str] = (
        {} if started is None else {"startedAt": started, "revision": f"{workflow}-1"}
    )
    return {
        "apiVersion": "automation.itechsmart.dev/v1alpha1",
        "kind": "WorkflowExecution",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": f"uid-{namespace}-{name}",
            "creationTimestamp": to_rfc3339(at - (seconds or 0) - 1),
            "resourceVersion": "7",
            "generation": 1,
            "labels": labels or {},
            "annotations": annotations or {},
            "managedFields": [{"manager": "itechsmart-workflow"}],
        },
        "spec": {"workflow": workflow, **(spec or {})},
        "status": {
            "phase": phase,
            "finishedAt": to_rfc3339(at),
            **admitted,
            **({} if nodes is None else {"nodes": nodes}),
            **status,
        },
    }


def entry(name: str, **more: Any) -> Entry:
    """The entry of an ended execution."""
    found = entry_from(ended(name, **more), approvals_of(REVISION))
    assert found is not None
    return found


def record(phase: str, began: float, seconds: float | None) -> dict[str, Any]:
    """A node's record; without `seconds` it has not ended."""
    over = {} if seconds is None else {"finishedAt": to_rfc3339(began + seconds)}
    return {"phase": phase, "startedAt": to_rfc3339(began), **over}


_MOMENTS = st.integers(0, 21 * 24 * 3600 * 1000).map(lambda after: START + after / 1000)
"""Ends of executions, in seconds: three weeks, to the millisecond."""
_DURATIONS = st.one_of(
    st.sampled_from([0, 99, 100, 60_000]),
    st.integers(0, 2_000),
    st.integers(0, 40 * 24 * 3600 * 1000),
)
"""In milliseconds; some at the bounds of buckets."""


@st.composite
def _executions(draw: st.DrawFn) -> dict[str, Any]:
    """An execution without a name."""
    at, took = draw(_MOMENTS), draw(_DURATIONS)
    phase = draw(st.sampled_from(["Succeeded", "Succeeded", "Failed", "TimedOut", "Cancelled"]))
    started: float | None = took / 1000
    reason = "Admitted"
    if phase == "Cancelled" and draw(st.booleans()):
        started, reason = None, "ConcurrencyForbidden"
    nodes = {}
    if started is not None:
        for node in draw(st.sets(st.sampled_from(["check", "approve", "restart"]))):
            part = draw(st.one_of(st.none(), st.integers(0, took)))
            seconds = None if part is None else part / 1000
            nodes[node] = record("Succeeded", at - started, seconds)
    return ended(
        "run",
        namespace=draw(st.sampled_from(["shop", "bank", "lab"])),
        workflow=draw(st.sampled_from(["deploy", "restart"])),
        phase=phase,
        at=at,
        seconds=started,
        nodes=nodes,
        reason=reason,
    )


def several_executions() -> st.SearchStrategy[list[dict[str, Any]]]:
    """Executions of three weeks, with all that figures distinguish."""
    return st.lists(_executions(), max_size=40).map(_named)


def _named(raws: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for number, raw in enumerate(raws):
        raw["metadata"] |= {"name": f"run-{number}", "uid": f"uid-{number}"}
    return raws


@st.composite
def selections(draw: st.DrawFn) -> Selection:
    """What a dashboard may ask for; some periods begin and end with a day."""
    moments = _MOMENTS.map(lambda at: int(at * 1000))
    bounds = st.one_of(st.none(), moments, moments.map(lambda at: at // DAY_MS * DAY_MS))
    sets = [None, frozenset({"shop"}), frozenset({"shop", "lab"})]
    return Selection(
        namespaces=draw(st.sampled_from(sets)),
        workflow=draw(st.sampled_from([None, "deploy"])),
        phases=draw(
            st.sampled_from([None, frozenset({"Succeeded"}), frozenset({"Failed", "Cancelled"})])
        ),
        since=draw(bounds),
        until=draw(bounds),
    )
