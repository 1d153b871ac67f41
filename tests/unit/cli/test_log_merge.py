"""Lines of several logs, merged by when they were written."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.session import log_merge
from orchestrator.session.log_merge import MAX_LINES, Line, Log, Merger, merged, read_line

logs = st.lists(st.lists(st.integers(0, 20), max_size=8), max_size=6)


def opened(moments: list[int], number: int) -> Callable[[], Iterator[Line]]:
    return lambda: (Line(float(at), f"{number}:{index}") for index, at in enumerate(moments))


@settings(deadline=None)
@given(logs)
def test_sorted_logs_are_merged_in_order_and_lose_nothing(found: list[list[int]]) -> None:
    found = [sorted(moments) for moments in found]
    lines = [
        *merged(
            [
                Log(min(moments, default=0), opened(moments, number))
                for number, moments in enumerate(found)
            ]
        )
    ]
    assert len({line.text for line in lines}) == sum(map(len, found))
    assert all(before.at <= after.at for before, after in pairwise(lines))


@settings(deadline=None)
@given(logs)
def test_a_log_keeps_its_order_whatever_its_timestamps_say(found: list[list[int]]) -> None:
    lines = [*merged([Log(0.0, opened(moments, at)) for at, moments in enumerate(found)])]
    for number, moments in enumerate(found):
        own = [line.text for line in lines if line.text.startswith(f"{number}:")]
        assert own == [f"{number}:{index}" for index in range(len(moments))]


def test_a_log_is_opened_when_its_first_line_may_be_due(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_merge, "MAX_STREAMS", 3)
    reading: set[int] = set()
    most = 0

    def open_one(number: int) -> Iterator[Line]:
        nonlocal most
        reading.add(number)
        most = max(most, len(reading))
        for index in range(3):
            yield Line(number + index / 3, f"{number}:{index}")
        reading.discard(number)

    chain = [Log(float(at), lambda at=at: open_one(at)) for at in range(50)]  # type: ignore[misc]
    assert len([*merged(chain)]) == 150
    assert most == 1
    at_once = [Log(0.0, lambda at=at: open_one(at)) for at in range(50)]  # type: ignore[misc]
    assert len([*merged(at_once)]) == 150
    assert most == 3


def test_timestamps_are_read_and_stay_only_if_they_are_wanted() -> None:
    raw = "2027-01-15T08:00:06.300000000Z  two spaces"
    assert read_line(raw, 0.0, timestamps=False) == (1_800_000_006.3, " two spaces")
    assert read_line(raw, 0.0, timestamps=True) == (1_800_000_006.3, raw)
    assert read_line("unable to retrieve container logs", 7.0, timestamps=False) == (
        7.0,
        "unable to retrieve container logs",
    )


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_line_waits_for_an_earlier_one_of_a_log_that_was_silent_just_now() -> None:
    shown: list[str] = []
    clock = Clock()
    merger = Merger(shown.append, hold=0.5, monotonic=clock)
    first, second = merger.open(), merger.open()
    merger.put(first, Line(2.0, "later"))
    merger.show(0.0)
    assert shown == []
    merger.put(second, Line(1.0, "earlier"))
    merger.show(0.0)
    assert shown == ["earlier"]
    clock.now = 0.6
    merger.show(0.0)
    assert shown == ["earlier", "later"]


def test_a_log_that_has_ended_is_not_waited_for() -> None:
    shown: list[str] = []
    merger = Merger(shown.append, hold=60.0)
    first, second = merger.open(), merger.open()
    merger.put(first, Line(1.0, "only"))
    merger.close(second)
    merger.close(first)
    merger.show()
    assert shown == ["only"]


def test_a_reader_waits_for_room_so_that_little_is_kept() -> None:
    shown: list[str] = []
    merger = Merger(shown.append, hold=60.0)
    noisy, silent = merger.open(), merger.open()
    total = 5 * MAX_LINES

    def read() -> None:
        for number in range(total):
            merger.put(noisy, Line(float(number), str(number)))
        merger.close(noisy)
        merger.close(silent)

    reader = threading.Thread(target=read)
    reader.start()
    merger.show()
    reader.join()
    assert shown == [str(number) for number in range(total)]


def test_who_waits_for_room_goes_on_once_nothing_is_shown_any_more() -> None:
    merger = Merger(lambda _: None, hold=60.0)
    queue = merger.open()

    def read() -> None:
        for number in range(2 * MAX_LINES):
            merger.put(queue, Line(float(number), str(number)))

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    merger.stop()
    reader.join(60)
    assert not reader.is_alive()
