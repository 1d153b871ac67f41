"""A workflow's figures: right, and each execution once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.engine.status.metrics import MAX_COUNTED, MAX_RECENT, Ended, count
from orchestrator.models.execution import ExecutionPhase
from orchestrator.models.workflow import WorkflowMetrics

FINALS = [phase for phase in ExecutionPhase if phase.terminal]


def ended(
    number: int, phase: ExecutionPhase = ExecutionPhase.SUCCEEDED, seconds: float | None = 10.0
) -> Ended:
    finished_at = 1_700_000_000.0 + number
    started_at = None if seconds is None else finished_at - seconds
    return Ended(f"uid-{number:05}", f"run-{number}", phase, "", started_at, finished_at)


def test_the_figures_say_how_executions_ended() -> None:
    metrics = count(
        WorkflowMetrics(),
        [
            ended(1, seconds=2),
            ended(2, seconds=4),
            ended(3, ExecutionPhase.FAILED, seconds=12),
            ended(4, ExecutionPhase.CANCELLED, seconds=None),
        ],
    )
    assert metrics.total == 4
    assert metrics.executions == {"Succeeded": 2, "Failed": 1, "Cancelled": 1}
    assert metrics.success_rate == 0.5
    assert metrics.recent == [2, 4, 12]
    assert metrics.duration_seconds.average == 6
    assert (metrics.duration_seconds.p50, metrics.duration_seconds.p95) == (4, 12)
    assert metrics.last_execution is not None
    assert metrics.last_execution.name == "run-4"


def test_an_execution_seen_again_changes_nothing() -> None:
    metrics = count(WorkflowMetrics(), [ended(1), ended(2)])
    assert count(metrics, [ended(2), ended(1)]) is metrics


def test_an_older_end_that_comes_late_does_not_become_the_last_execution() -> None:
    metrics = count(count(WorkflowMetrics(), [ended(2)]), [ended(1)])
    assert metrics.total == 2
    assert metrics.last_execution is not None
    assert metrics.last_execution.name == "run-2"


def test_what_is_no_longer_listed_one_by_one_stays_counted() -> None:
    everything = [ended(number) for number in range(3 * MAX_COUNTED)]
    metrics = WorkflowMetrics()
    for start in range(0, len(everything), 100):
        metrics = count(metrics, everything[start : start + 100])
    assert len(metrics.counted) == MAX_COUNTED
    assert len(metrics.recent) == MAX_RECENT
    assert metrics.counted_before is not None
    assert count(metrics, everything) is metrics
    assert metrics.total == len(everything)


@given(st.lists(st.tuples(st.integers(0, 40), st.sampled_from(FINALS)), max_size=60), st.data())
def test_however_they_are_told_each_counts_once(
    told: list[tuple[int, ExecutionPhase]], data: st.DataObject
) -> None:
    first_told = dict(reversed(told))
    batches = data.draw(st.integers(1, 5))
    size = max(1, len(told) // batches)
    metrics = WorkflowMetrics()
    for start in range(0, len(told), size):
        batch = [ended(number, first_told[number]) for number, _ in told[start : start + size]]
        metrics = count(metrics, batch)
        # A restart: only what is stored remains.
        metrics = WorkflowMetrics.model_validate(metrics.model_dump(mode="json", by_alias=True))
    assert metrics.total == len(first_told) == sum(metrics.executions.values())
