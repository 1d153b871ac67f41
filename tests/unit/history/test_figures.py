"""The figures of a dashboard equal those of the raw executions."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from orchestrator.engine.times import from_rfc3339
from orchestrator.history.database import transaction
from orchestrator.history.duration_buckets import DAY
from orchestrator.history.entry import approvals_of, entry_from
from orchestrator.history.figures import by_day, by_workflow, figures
from orchestrator.history.percentiles import rank
from orchestrator.history.removal import remove_before, remove_beyond
from orchestrator.history.selection import Selection
from orchestrator.history.store import Store
from orchestrator.history.tables import DAYS, NODE_DAYS
from tests.unit.history.executions import REVISION, START, selections, several_executions

Raw = dict[str, Any]


def _milliseconds(text: str) -> int:
    return round(from_rfc3339(text) * 1000)


def _took(record: Raw) -> int | None:
    if "startedAt" not in record or "finishedAt" not in record:
        return None
    return _milliseconds(record["finishedAt"]) - _milliseconds(record["startedAt"])


def _selected(raws: list[Raw], selection: Selection, *, whole_days: bool = False) -> list[Raw]:
    since, until = selection.since, selection.until
    if whole_days:
        since = None if since is None else since // DAY * DAY
        until = None if until is None else -(-until // DAY) * DAY
    return [
        raw
        for raw in raws
        if (selection.namespaces is None or raw["metadata"]["namespace"] in selection.namespaces)
        and selection.workflow in (None, raw["spec"]["workflow"])
        and (selection.phases is None or raw["status"]["phase"] in selection.phases)
        and (since is None or _milliseconds(raw["status"]["finishedAt"]) >= since)
        and (until is None or _milliseconds(raw["status"]["finishedAt"]) < until)
    ]


def _runs(raws: list[Raw]) -> tuple[int, dict[str, int], float | None, float | None]:
    phases: dict[str, int] = {}
    for raw in raws:
        phases[raw["status"]["phase"]] = phases.get(raw["status"]["phase"], 0) + 1
    rated = sum(raw["status"]["reason"] != "ConcurrencyForbidden" for raw in raws)
    took = [each for each in (_took(raw["status"]) for raw in raws) if each is not None]
    rate = round(phases.get("Succeeded", 0) / rated, 4) if rated else None
    average = round(sum(took) / len(took) / 1000, 3) if took else None
    return len(raws), dict(sorted(phases.items())), rate, average


async def _check(store: Store, raws: list[Raw], selection: Selection) -> None:
    found, expected = await figures(store.engine, selection), _selected(raws, selection)
    runs = found.runs
    assert (runs.total, runs.phases, runs.success_rate, runs.average) == _runs(expected)
    took = sorted(each for each in (_took(raw["status"]) for raw in expected) if each is not None)
    percentiles = {
        percent: took[rank(percent, len(took))] / 1000 for percent in (50, 95, 99) if took
    }
    assert found.percentiles == percentiles

    nodes: dict[tuple[str, str, str], list[int]] = {}
    waited: list[int] = []
    for raw in _selected(raws, selection, whole_days=True):
        for name, record in (raw["status"].get("nodes") or {}).items():
            if (seconds := _took(record)) is None:
                continue
            if name == "approve":
                waited.append(seconds)
                continue
            key = raw["metadata"]["namespace"], raw["spec"]["workflow"], name
            nodes.setdefault(key, []).append(seconds)
    averages = {key: (len(each), sum(each) / len(each)) for key, each in nodes.items()}
    slowest = sorted(averages, key=lambda key: (-averages[key][1], key))[:10]
    assert [
        (one.namespace, one.workflow, one.node, one.runs, one.average) for one in found.slowest
    ] == [(*key, averages[key][0], round(averages[key][1] / 1000, 3)) for key in slowest]
    assert (found.waiting.approvals, found.waiting.total) == (len(waited), sum(waited) / 1000)

    groups: dict[tuple[str, str], list[Raw]] = {}
    days: dict[int, list[Raw]] = {}
    for raw in expected:
        of = raw["metadata"]["namespace"], raw["spec"]["workflow"]
        groups.setdefault(of, []).append(raw)
        day = _milliseconds(raw["status"]["finishedAt"]) // DAY * DAY
        days.setdefault(day, []).append(raw)
    each = await by_workflow(store.engine, selection)
    assert {key: _fields(runs) for key, runs in each.items()} == {
        key: _runs(group) for key, group in groups.items()
    }
    daily = await by_day(store.engine, selection)
    assert {day: _fields(runs) for day, runs in daily.items()} == {
        day: _runs(group) for day, group in days.items()
    }


def _fields(runs: Any) -> tuple[Any, ...]:
    return runs.total, runs.phases, runs.success_rate, runs.average


@settings(
    max_examples=20,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(raws=several_executions(), selected=st.lists(selections(), min_size=2, max_size=4))
async def test_figures_equal_those_of_the_raw_executions(
    store: Store, raws: list[Raw], selected: list[Selection]
) -> None:
    """Also after some were removed."""
    await remove_beyond(store.engine, 0)  # those of the example before
    found = [entry_from(raw, approvals_of(REVISION)) for raw in raws]
    entries = [entry for entry in found if entry is not None]
    await store.record(entries)
    await store.record(entries)  # counts nothing twice
    for selection in (Selection(), *selected):
        await _check(store, raws, selection)

    cut = int((START + 9.4 * DAY / 1000) * 1000)
    left = [raw for raw in raws if _milliseconds(raw["status"]["finishedAt"]) >= cut]
    assert await remove_before(store.engine, cut) == len(raws) - len(left)
    await _check(store, left, selected[0])
    assert await remove_beyond(store.engine, 0) == len(left)
    async with transaction(store.engine) as connection:
        for table in (DAYS, NODE_DAYS):
            rows = await connection.execute(select(func.count()).select_from(table))
            assert rows.scalar_one() == 0


async def test_an_empty_history_has_figures(store: Store) -> None:
    found = await figures(store.engine, Selection())
    assert (found.runs.total, found.runs.success_rate, found.percentiles) == (0, None, {})
    assert (found.slowest, found.waiting.approvals) == ((), 0)
