"""Which records a write of the status takes along, and when it is due."""

from __future__ import annotations

import asyncio

from orchestrator.controller.executions.state.pending_status import (
    BATCH_WAIT,
    MAX_PACE,
    MIN_PACE,
    PROGRESS_WRITES,
    PendingStatus,
)
from orchestrator.engine.status.records import Record
from orchestrator.models.execution import NodePhase

RUNNING, DONE = Record(NodePhase.RUNNING, attempts=1), Record(NodePhase.SUCCEEDED, attempts=1)


def test_a_record_is_stored_once_the_write_that_took_it_has_ended() -> None:
    pending = PendingStatus(1, [])
    pending.add({"a": RUNNING}, {}, 0.0, transition=False)
    assert not pending.has_stored("a")
    assert pending.take() == {"a": RUNNING}
    assert not pending.has_stored("a")
    pending.stored(2, 0.0, 0.01, [])
    assert pending.has_stored("a")
    assert pending.version == 2


def test_the_longer_a_write_takes_the_longer_the_next_one_waits() -> None:
    for took, pace in ((0.0001, MIN_PACE), (0.01, 1.0), (5.0, MAX_PACE)):
        pending = PendingStatus(1, [])
        pending.stored(2, 100.0, took, [])
        pending.add({"a": DONE}, {}, 100.0, transition=True)
        assert pending.due_in(1, 100.0) == pace


def test_what_only_shows_progress_waits_for_others_the_longer_the_more_are_active() -> None:
    pending = PendingStatus(1, [])
    pending.add({"a": RUNNING}, {}, 100.0, transition=False)
    assert pending.due_in(1, 100.0) == BATCH_WAIT
    assert pending.due_in(1000, 100.0) == 1000 / PROGRESS_WRITES
    pending.add({"a": DONE}, {"a": RUNNING}, 100.0, transition=True)
    left = pending.due_in(1000, 100.0)
    assert left is not None
    assert left <= 0


def test_a_clock_that_was_set_back_makes_nothing_wait() -> None:
    pending = PendingStatus(1, [])
    pending.stored(2, 100.0, 0.01, [])
    pending.add({"a": DONE}, {}, 100.0, transition=True)
    assert pending.due_in(1, 50.0) == 0.0


async def test_no_write_is_due_while_another_is_under_way() -> None:
    pending = PendingStatus(1, [])
    assert pending.due_in(1, 0.0) is None
    pending.add({"a": DONE}, {}, 0.0, transition=True)
    write = asyncio.create_task(asyncio.sleep(0))
    pending.begin_write(write)
    assert pending.due_in(1, 10.0) is None
    await write
    pending.end_write()
    assert pending.due_in(1, 10.0) is not None


def test_evidence_is_kept_when_the_status_is_read_again() -> None:
    earlier = PendingStatus(1, [])
    earlier.add({"a": DONE}, {"a": RUNNING}, 5.0, transition=True)
    fresh = PendingStatus(2, [])
    fresh.continue_from(earlier, {"a": RUNNING})
    assert fresh.unstored == {"a": DONE}


def test_evidence_is_dropped_when_the_status_says_otherwise() -> None:
    earlier = PendingStatus(1, [])
    earlier.add({"a": DONE}, {"a": RUNNING}, 5.0, transition=True)
    fresh = PendingStatus(2, [])
    fresh.continue_from(earlier, {"a": Record(NodePhase.CANCELLED, attempts=1)})
    assert fresh.unstored == {}
