"""The figures of the dashboard equal those that are computed from the raw executions."""

from __future__ import annotations

import statistics
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.engine.times import from_rfc3339, to_rfc3339
from orchestrator.operations.overview import by_workflow, durations, figures, slowest_nodes

NOW = 1_800_000_000.0
PHASES = ("Queued", "Running", "Paused", "Succeeded", "Failed", "TimedOut", "Cancelled")
ENDED = PHASES[3:]


@st.composite
def executions(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Executions of two Workflows, each with a node that is an approval and one that is not."""
    found = []
    for index in range(draw(st.integers(0, 20))):
        phase, took = draw(st.sampled_from(PHASES)), draw(st.integers(0, 5000))
        start = NOW - 10_000
        status: dict[str, Any] = {"phase": phase, "startedAt": to_rfc3339(start), "nodes": {}}
        record: dict[str, Any] = {
            "startedAt": to_rfc3339(start),
            "phase": "Waiting",
            "reason": "AwaitingApproval",
        }
        if phase in ENDED:
            status["finishedAt"] = to_rfc3339(start + took)
            outputs = {"outputs": {"decision": "Approve"}}
            record |= {"phase": "Succeeded", "finishedAt": status["finishedAt"], **outputs}
            record.pop("reason")
        if draw(st.booleans()):
            status["nodes"]["ask"] = record
            work: dict[str, Any] = {
                key: record[key] for key in ("startedAt", "finishedAt") if key in record
            }
            status["nodes"]["work"] = dict(work, phase="Succeeded")
        metadata = {"name": f"e{index}", "namespace": "n"}
        workflow = draw(st.sampled_from(("one", "two")))
        found.append({"metadata": metadata, "spec": {"workflow": workflow}, "status": status})
    return found


def seconds_of(found: list[dict[str, Any]]) -> list[float]:
    return [
        from_rfc3339(one["status"]["finishedAt"]) - from_rfc3339(one["status"]["startedAt"])
        for one in found
        if "finishedAt" in one["status"]
    ]


@given(executions())
def test_figures_equal_those_of_the_raw_executions(found: list[dict[str, Any]]) -> None:
    result = figures(found, NOW)
    phases = [one["status"]["phase"] for one in found]
    assert result["byPhase"] == {phase: phases.count(phase) for phase in set(phases)}
    ended = [phase for phase in phases if phase in ENDED]
    assert result["runningNow"] == len(found) - len(ended)
    rate = ended.count("Succeeded") / len(ended) if ended else 0
    assert result["successRate"] == pytest.approx(rate)
    took = seconds_of(found)
    assert result["durationSeconds"]["count"] == len(took)
    if took:
        assert result["durationSeconds"]["average"] == pytest.approx(statistics.mean(took))
        assert result["durationSeconds"]["p50"] == pytest.approx(statistics.median_low(took))
    asked = [one for one in found if one["status"]["nodes"]]
    waiting = [one for one in asked if one["status"]["phase"] not in ENDED]
    assert result["approvalsWaiting"] == len(waiting)
    assert result["approvalSeconds"]["count"] == len(asked)


@given(executions())
def test_the_rows_of_workflows_add_up(found: list[dict[str, Any]]) -> None:
    rows = by_workflow(found, NOW)
    for field in ("executions", "runningNow", "approvalsWaiting"):
        assert sum(row[field] for row in rows) == figures(found, NOW)[field]
    counts = [row["executions"] for row in rows]
    assert counts == sorted(counts, reverse=True)
    assert sum(row["count"] for row in slowest_nodes(found)) == sum(
        "finishedAt" in one["status"]["nodes"].get("work", {}) for one in found
    )


def test_percentiles_are_nearest_ranks() -> None:
    assert durations(range(1, 101)) == {"count": 100, "average": 50.5, "p50": 50, "p95": 95}
    assert durations([7.0]) == {"count": 1, "average": 7.0, "p50": 7.0, "p95": 7.0}
    assert durations([])["count"] == 0
