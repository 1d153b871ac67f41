"""A status that somebody edited is either read as it stands or refused; nothing else happens."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.engine.advance import advance
from orchestrator.engine.graph import Graph
from orchestrator.engine.status.execution_status import progress_patch, run_from
from orchestrator.engine.status.read import StatusError
from orchestrator.engine.status.records import Run
from orchestrator.models.execution import ExecutionPhase, NodePhase
from tests.builders import action, graph
from tests.strategies import graphs

NOW = 1_700_000_000.0
TIME = "2023-11-14T22:13:20.250Z"
FAN = {"values": "[1, 2]", "as": "x"}
FLOW = graph(
    action("a"), {"name": "c", "condition": "true"}, action("fan", forEach=FAN), timeout="1h"
)


def read(compiled: Graph, **status: Any) -> Run:
    raw = {
        "metadata": {"name": "run", "namespace": "ns", "uid": "u", "generation": 1},
        "spec": {"workflow": "flow"},
        "status": {"phase": "Running", "startedAt": TIME, "revision": "flow-1", **status},
    }
    return run_from(raw, compiled)


RUNNING = {"phase": "Running", "attempts": 1}
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a node that is not there": ({"nodes": {"b": RUNNING}}, "status.nodes.b"),
    "an unknown phase": ({"nodes": {"a": {"phase": "Done"}}}, "status.nodes.a"),
    "no phase": ({"nodes": {"a": {}}}, "status.nodes.a"),
    "no record": ({"nodes": {"a": 5}}, "status.nodes.a"),
    "no attempt": ({"nodes": {"a": {"phase": "Running"}}}, "status.nodes.a.attempts"),
    "less than no attempt": (
        {"nodes": {"a": {"phase": "Failed", "attempts": -1}}},
        "status.nodes.a.attempts",
    ),
    "more attempts than there can be": (
        {"nodes": {"a": {**RUNNING, "attempts": 2**60}}},
        "status.nodes.a.attempts",
    ),
    "an attempt before its iteration": (
        {"nodes": {"a": {**RUNNING, "iterationAttempts": 2}}},
        "status.nodes.a.iterationAttempts",
    ),
    "a day that is none": (
        {"nodes": {"a": {**RUNNING, "startedAt": "2026-02-31T00:00:00Z"}}},
        "status.nodes.a.startedAt",
    ),
    "the end of time": (
        {"nodes": {"a": {**RUNNING, "retryAt": "9999-12-31T23:59:59Z"}}},
        "status.nodes.a.retryAt",
    ),
    "a condition that runs": ({"nodes": {"c": {"phase": "Running"}}}, "status.nodes.c.phase"),
    "ranges without end": (
        {"nodes": {"fan": {**RUNNING, "items": 2, "completed": "0-999999999999"}}},
        "status.nodes.fan.completed",
    ),
    "ranges that are none": (
        {"nodes": {"fan": {**RUNNING, "items": 2, "failed": "0-x"}}},
        "status.nodes.fan.failed",
    ),
    "items of what is no fan-out": (
        {"nodes": {"a": {**RUNNING, "items": 2}}},
        "status.nodes.a.items",
    ),
    "more items than there can be": (
        {"nodes": {"fan": {**RUNNING, "items": 10**9}}},
        "status.nodes.fan.items",
    ),
    "no start": ({"startedAt": None}, "status.startedAt"),
    "no phase of the whole": ({"phase": None}, "status.phase"),
    "an outcome that is not final": (
        {"settled": {"at": TIME, "phase": "Running", "reason": ""}},
        "status.settled.phase",
    ),
    "a cancel without its time": ({"cancelRequested": {"reason": "x"}}, "status.cancelRequested"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_right_is_refused_with_its_path(case: str) -> None:
    status, path = WRONG[case]
    with pytest.raises(StatusError) as error:
        read(FLOW, **status)
    assert str(error.value).startswith(path)


times = st.sampled_from([TIME, "1970-01-01T00:00:00Z", "9980-01-01T00:00:00Z", "2026-02-31T0:0Z"])
numbers = st.integers(-2, 5) | st.integers()
ranges = st.sampled_from(["0", "0-1", "1-0", "-", "0-99999999999", "a", ","])
records = st.fixed_dictionaries(
    {"phase": st.sampled_from([phase.value for phase in NodePhase])},
    optional={
        "reason": st.text(max_size=5),
        "message": st.text(max_size=5),
        "attempts": numbers,
        "iteration": numbers,
        "iterationAttempts": numbers,
        "exitCode": numbers,
        "job": st.text(max_size=5),
        "execution": st.text(max_size=5),
        "startedAt": times,
        "attemptStartedAt": times,
        "finishedAt": times,
        "retryAt": times,
        "items": numbers,
        "completed": ranges,
        "failed": ranges,
        "outputs": st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
    },
)
names = st.sampled_from([*(f"n{number}" for number in range(10)), "f0", "f1"])
causes = st.fixed_dictionaries({"at": times, "reason": st.text(max_size=5)})
outcomes = st.fixed_dictionaries(
    {
        "at": times,
        "phase": st.sampled_from([phase.value for phase in ExecutionPhase]),
        "reason": st.text(max_size=5),
    }
)


@settings(max_examples=300, deadline=None)
@given(
    compiled=graphs(),
    nodes=st.dictionaries(names, records, max_size=6),
    more=st.fixed_dictionaries({}, optional={"cancelRequested": causes, "settled": outcomes}),
)
def test_whatever_a_status_says_it_is_refused_or_goes_on(
    compiled: Graph, nodes: dict[str, Any], more: dict[str, Any]
) -> None:
    try:
        run = read(compiled, nodes=nodes, variables={"yes": True, "no": False}, **more)
    except StatusError:
        return
    now = NOW
    for _ in range(5):
        decided = advance(compiled, run, {}, now, scan=True)
        run = run.recorded(decided.records, decided.phase, decided.cancelling, decided.settled)
        progress_patch(compiled, run, decided.records, 1)
        now = max(now + 1, min(decided.wake_at or now, NOW * 2))
