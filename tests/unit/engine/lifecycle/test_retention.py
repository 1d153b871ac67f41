"""What of the past is kept."""

from __future__ import annotations

import pytest

from orchestrator.engine.lifecycle.retention import (
    Stored,
    counted_as,
    jobs_expired,
    stored_from,
    to_remove,
    window_of,
)
from orchestrator.models.execution import ExecutionPhase
from orchestrator.models.workflow import History

NOW = 1_800_000_000.0
DAY = 24 * 3600.0


def ended(number: int, phase: str = "Succeeded", **fields: object) -> Stored:
    given = {
        "namespace": "ns",
        "workflow": "w",
        "name": f"e{number}",
        "uid": f"u{number}",
        "phase": ExecutionPhase(phase),
        "revision": "w-1",
        "created_at": NOW - 10 * DAY + number,
        "finished_at": NOW - 10 * DAY + number + 1,
        "child": False,
        "trigger": "",
        **fields,
    }
    return Stored(**given)  # type: ignore[arg-type]


def names(removed: list[Stored]) -> list[str]:
    return [one.name for one in removed]


def test_the_newest_of_each_kind_are_kept() -> None:
    executions = [ended(n) for n in range(5)] + [ended(n, "Failed") for n in range(10, 14)]
    executions += [ended(20, "Cancelled"), ended(21, "TimedOut")]
    removed = to_remove(executions, History(succeeded=2, failed=3), NOW)
    assert names(removed) == ["e0", "e1", "e2", "e10", "e11", "e12"]


def test_sub_executions_neither_count_nor_go_on_their_own() -> None:
    executions = [ended(n, child=True) for n in range(5)] + [ended(9)]
    assert to_remove(executions, History(succeeded=1, failed=0), NOW) == []


def test_what_a_trigger_made_stays_for_a_day() -> None:
    young = [ended(n, trigger="t", created_at=NOW - DAY + n) for n in range(1, 4)]
    old = [ended(n, trigger="t", created_at=NOW - DAY - n) for n in range(4, 6)]
    removed = to_remove([*young, *old], History(succeeded=0), NOW)
    assert set(names(removed)) == {"e4", "e5"}


def test_no_more_than_so_many_of_one_trigger_are_spared() -> None:
    made = [ended(n, trigger="t", created_at=NOW - n / 10) for n in range(5_010)]
    removed = to_remove(made, History(succeeded=0), NOW)
    assert len(removed) == 10
    assert "e5009" in names(removed)


def test_what_deduplicates_stays_for_its_window() -> None:
    made = [ended(n, trigger="t", created_at=NOW - 2 * DAY - n, deduplicates=True) for n in (1, 2)]
    other = ended(3, trigger="t", created_at=NOW - 2 * DAY)
    windows = {"t": 2 * DAY + 2}
    assert names(to_remove([*made, other], History(succeeded=0), NOW, windows)) == ["e2", "e3"]
    assert len(to_remove([*made, other], History(succeeded=0), NOW)) == 3


@pytest.mark.parametrize("spec", [None, {}, {"dedupe": {"window": "long"}}, {"dedupe": 5}])
def test_a_trigger_without_a_readable_window_has_none(spec: object) -> None:
    assert window_of({"spec": spec}) == window_of(None) == 0
    assert window_of({"spec": {"dedupe": {"key": "1", "window": "48h"}}}) == 2 * DAY


def test_jobs_are_kept_for_their_time() -> None:
    history = History.model_validate({"keepJobs": "2h"})
    one = ended(1, finished_at=NOW - 7199)
    assert not jobs_expired(one, history, NOW)
    assert jobs_expired(one, history, NOW + 1)


def test_only_what_has_ended_is_history() -> None:
    raw = {
        "metadata": {
            "name": "e",
            "namespace": "ns",
            "uid": "u",
            "creationTimestamp": "2026-01-01T00:00:00Z",
        },
        "spec": {"workflow": "w"},
        "status": {"phase": "Running"},
    }
    assert stored_from(raw) is None
    raw["status"] = {"phase": "Failed", "finishedAt": "2026-01-01T00:01:00.000Z"}
    stored = stored_from(raw)
    assert stored is not None
    assert (stored.finished_at - stored.created_at, stored.child) == (60.0, False)


def test_what_found_no_workflow_counts_for_none() -> None:
    assert counted_as("w", {"reason": "WorkflowNotFound"}) == ""
    assert counted_as("w", {"reason": "WorkflowNotFound", "revision": ""}) == ""
    assert counted_as("w", {"reason": "WorkflowNotFound", "revision": "w-1"}) == "w"
    assert counted_as("w", {"reason": "InvalidSpec"}) == "w"
    assert counted_as("w", {}) == "w"
