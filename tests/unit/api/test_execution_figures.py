"""The figures of routes equal those of the raw executions, wherever each of them is."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from statistics import mean
from typing import Any, TypeVar

import pytest
from anyio import to_thread
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.api.execution_figures import Period, past_of, without_recorded
from orchestrator.api.history_reader import HistoryReader
from orchestrator.api.workflow_figures import metrics_of
from orchestrator.engine.times import from_rfc3339
from orchestrator.history.entry import approvals_of, entry_from
from orchestrator.history.removal import remove_beyond
from orchestrator.history.store import Store
from orchestrator.models.labels import RESTORED_FROM
from orchestrator.operations.overview import by_workflow, figures, slowest_nodes
from orchestrator.session.execution_filter import ExecutionFilter
from tests.unit.history.executions import DAY, REVISION, START, ended, several_executions

Raw = dict[str, Any]
Value = TypeVar("Value")
NOW = START + 22 * DAY
NAMESPACES = frozenset({"shop", "bank", "lab"})


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[tuple[Store, HistoryReader]]:
    """A store, and a reader of the same database."""
    url = f"sqlite:///{tmp_path / 'history.db'}"
    store, reader = Store(url), HistoryReader(url)
    await store.migrate()
    yield store, reader
    await store.close()
    await reader.close()


def about(value: Any) -> Any:
    """Equal but for the last digits of a float, of which a time since the epoch has few."""
    return pytest.approx(value, abs=1e-5)


async def blocking(call: Callable[[], Value]) -> Value:
    """What a call returns that waits in a thread, as routes do."""
    return await to_thread.run_sync(call)


def with_decisions(raws: list[Raw]) -> list[Raw]:
    for raw in raws:
        for name, record in (raw["status"].get("nodes") or {}).items():
            if name == "approve":
                record["outputs"] = {"decision": "Approve"}
    return raws


def seconds(record: Raw) -> float | None:
    if "startedAt" not in record or "finishedAt" not in record:
        return None
    return from_rfc3339(record["finishedAt"]) - from_rfc3339(record["startedAt"])


def of_period(raws: list[Raw], since: float | None) -> list[Raw]:
    return [
        raw
        for raw in raws
        if "finishedAt" not in raw["status"]
        or since is None
        or from_rfc3339(raw["status"]["finishedAt"]) >= since - 1e-6
    ]


@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    raws=several_executions().map(with_decisions),
    seed=st.integers(0, 1000),
    workflow=st.sampled_from(["", "deploy"]),
    phases=st.sampled_from([frozenset[str](), frozenset({"Succeeded", "Failed"})]),
    days=st.sampled_from([None, 0, 7, 7.4, 21]),
)
async def test_figures_count_each_execution_once_wherever_it_is(
    place: tuple[Store, HistoryReader],
    raws: list[Raw],
    seed: int,
    workflow: str,
    phases: frozenset[str],
    days: float | None,
) -> None:
    store, reader = place
    await remove_beyond(store.engine, 0)  # those of the example before
    rng = random.Random(seed)
    recorded, live = [], []
    for raw in raws:
        where = rng.choice(("recorded", "both", "live"))
        recorded += [raw] if where != "live" else []
        live += [raw] if where != "recorded" else []
    active = ended("active", at=NOW, phase="Running")
    del active["status"]["finishedAt"]
    # The API server selects by the workflow.
    live = [raw for raw in [*live, active] if workflow in ("", raw["spec"]["workflow"])]
    entries = [entry_from(raw, approvals_of(REVISION)) for raw in recorded]
    await store.record([one for one in entries if one is not None])

    since = None if days is None else (START // DAY + days) * DAY
    period = Period(ExecutionFilter(workflow, phases), since)
    kept, sums = await blocking(lambda: without_recorded(reader, NAMESPACES, period, live, 100))
    past = past_of(sums)
    expected = [
        raw
        for raw in of_period([*raws, active], since)
        if workflow in ("", raw["spec"]["workflow"])
        and (not phases or raw["status"]["phase"] in phases)
    ]
    whole = figures(expected, NOW)
    found = figures(kept, NOW, past.total)
    for name in ("executions", "byPhase", "successRate", "runningNow"):
        assert found[name] == about(whole[name]), name
    assert found["durationSeconds"] == about(whole["durationSeconds"])
    rows = {(row["namespace"], row["workflow"]): row for row in by_workflow(kept, NOW, past)}
    wanted = {(row["namespace"], row["workflow"]): row for row in by_workflow(expected, NOW)}
    assert rows.keys() == wanted.keys()
    for key, row in rows.items():
        assert row["executions"] == wanted[key]["executions"]
        assert row["successRate"] == about(wanted[key]["successRate"])
        took = wanted[key]["durationSeconds"]
        assert row["durationSeconds"] == about({"count": took["count"], "average": took["average"]})
    if days != 7.4:  # the history keeps nodes by whole days
        waited = whole["approvalSeconds"]
        assert found["approvalSeconds"] == about(
            {"count": waited["count"], "average": waited["average"]}
        )
        slowest = [(one["count"], one["average"]) for one in slowest_nodes(expected)]
        assert [(one["count"], one["average"]) for one in slowest_nodes(kept, past)] == [
            (number, about(average)) for number, average in slowest
        ]

    done = [raw for raw in expected if "finishedAt" in raw["status"]]
    metrics = metrics_of(sums, kept)
    assert metrics.total == len(done)
    assert metrics.executions == {
        phase: sum(raw["status"]["phase"] == phase for raw in done)
        for phase in {raw["status"]["phase"] for raw in done}
    }
    last = sorted(done, key=lambda raw: (raw["status"]["finishedAt"], raw["metadata"]["uid"]))
    took = [each for each in (seconds(raw["status"]) for raw in last) if each is not None][-100:]
    assert metrics.recent == about(took)
    if took:
        assert metrics.duration_seconds.average == pytest.approx(mean(took), abs=0.001)
    if last:
        assert metrics.last_execution is not None
        assert metrics.last_execution.uid == last[-1]["metadata"]["uid"]


async def test_an_execution_that_was_restored_counts_once(
    place: tuple[Store, HistoryReader],
) -> None:
    store, reader = place
    before = ended("run")
    entry = entry_from(before)
    assert entry is not None
    await store.record([entry])
    restored = ended("run", labels={RESTORED_FROM: before["metadata"]["uid"]})
    restored["metadata"]["uid"] = "uid-new"
    other = ended("other", labels={RESTORED_FROM: before["metadata"]["uid"]})
    kept, sums = await blocking(lambda: without_recorded(reader, None, Period(), [restored, other]))
    assert [raw["metadata"]["name"] for raw in kept] == ["other"]
    assert figures(kept, NOW, past_of(sums).total)["executions"] == 2
