"""No line twice and none missing, wherever a log's reading breaks off and goes on."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.history.logs.lines import (
    MAX_LINE,
    SECOND,
    Position,
    Resumption,
    Splitter,
    moment_of,
)
from tests.unit.history.logs.kubelet_logs import START, Written, answer, stamped, written


def read(
    lines: list[Written], position: Position, count: int | None
) -> tuple[list[bytes], Position, bool]:
    """So many new lines from a position on, as they are stored; the position after them; and
    whether the log was rotated."""
    position = Position.parse(position.text())
    resumption, splitter = Resumption(position), Splitter()
    found: list[bytes] = []
    for line in splitter.feed(answer(lines, position.query())):
        moment = moment_of(line)
        assert moment is not None
        if count is not None and len(found) == count:
            break
        if resumption.is_new(moment):
            found.append(line)
            position.advance(moment)
    return found, position, resumption.rotated


_STEPS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 10)), max_size=6)
"""Readings: how many lines the container has written, and how many are read."""


@given(written(), _STEPS)
def test_a_reading_that_breaks_off_goes_on_where_it_was(
    lines: list[Written], steps: list[tuple[int, int]]
) -> None:
    position, found = Position(), list[bytes]()
    for there, count in sorted(steps):
        more, position, rotated = read(lines[:there], position, count)
        found += more
        assert not rotated
    more, _, rotated = read(lines, position, None)
    assert found + more == [line.line for line in lines]
    assert not rotated


_ENDS = st.integers(0, 40)


@given(written(), _ENDS, _ENDS)
def test_a_rotated_log_repeats_nothing_and_shows_the_gap(
    lines: list[Written], stop: int, begin: int
) -> None:
    lines = [
        replace(line, nanos=START * SECOND + n * 1000, text=f"{n}") for n, line in enumerate(lines)
    ]
    stored, position, _ = read(lines, Position(), stop)
    rest = lines[begin:]
    more, _, rotated = read(rest, position, None)
    assert more == [line.line for line in rest if line.line not in stored]
    lost = len(stored) + len(more) < len(lines)
    assert rotated or not lost or not stored or not more


@given(st.lists(st.binary(max_size=20), max_size=20), st.lists(st.integers(1, 50), max_size=20))
def test_parts_of_any_size_make_the_same_lines(lines: list[bytes], sizes: list[int]) -> None:
    lines = [line.replace(b"\n", b" ") for line in lines]
    text = b"\n".join(lines)
    splitter, found = Splitter(), list[bytes]()
    for size in [*sizes, len(text)]:
        found += splitter.feed(text[:size])
        text = text[size:]
    assert [*found, splitter.rest()] == (lines or [b""])


def test_a_line_without_an_end_is_cut() -> None:
    splitter = Splitter()
    for _ in range(100):
        assert splitter.feed(b"x" * 1024) == []
    (line,) = splitter.feed(b"yz\nrest")
    assert line == b"x" * MAX_LINE + b" (36866 bytes of this line omitted)"
    assert splitter.rest() == b"rest"


@pytest.mark.parametrize(
    ("line", "after"),
    [
        (stamped(START * SECOND + 5, "text"), 5),
        (stamped(START * SECOND, ""), 0),
        (stamped((START + 3600) * SECOND + 120_000_000, "text", "+01:00"), 120_000_000),
    ],
)
def test_moments_are_exact_in_every_time_zone(line: bytes, after: int) -> None:
    assert moment_of(line) == START * SECOND + after


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"unable to retrieve container logs for containerd://abc",
        b"2026-13-31T12:00:00Z no such month",
        b"2026-01-31T12:00:00.5Zno space",
    ],
)
def test_words_of_the_kubelet_are_no_lines(line: bytes) -> None:
    assert moment_of(line) is None
