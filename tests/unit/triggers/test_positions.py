"""A position fits into a status, and what it says is exact."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.triggers.positions import (
    MARGIN_SECONDS,
    MAX_KEPT,
    Position,
    parse_position,
    source_of,
)

SOURCE = source_of("imap.example.com", "INBOX")


def test_what_was_handled_is_not_new_also_in_the_same_second() -> None:
    position = Position(SOURCE, since=100)
    position.handled("a", 100.2)
    assert not position.is_new("a", 100.2)
    assert position.is_new("b", 100.2)
    assert not position.is_new("c", 100.0)


def test_a_position_of_another_source_or_an_edited_one_is_none() -> None:
    text = Position(SOURCE, 100).text()
    assert parse_position(text, SOURCE) == Position(SOURCE, 100)
    assert parse_position(text, source_of("another")) is None
    for broken in (None, "", "2026-01-31T12:00:00Z", text.replace("since=", "since=x")):
        assert parse_position(broken, SOURCE) is None


def test_the_oldest_of_too_many_are_forgotten_unless_others_may_still_appear_beside_them() -> None:
    position = Position(SOURCE, since=0)
    for number in range(1, MAX_KEPT + 11):
        position.handled(str(number), number)
    position.settle(0.0)
    assert position.since == 0
    position.settle(MARGIN_SECONDS + 5)
    assert position.since == 5
    position.settle(MARGIN_SECONDS + 1000)
    assert position.since == 10
    assert len(position.done) == MAX_KEPT
    assert not any(position.is_new(str(number), number) for number in range(1, MAX_KEPT + 11))


times = st.floats(0, 4e9)


@given(st.lists(st.tuples(st.text(max_size=9), times), max_size=120), times, times)
def test_a_stored_position_knows_everything_it_says_it_has_handled(
    found: list[tuple[str, float]], since: float, until: float
) -> None:
    position = Position(SOURCE, int(since))
    for identity, at in found:
        position.handled(identity, at)
    position.settle(until)
    text = position.text()
    assert len(text) <= 1024
    read = parse_position(text, SOURCE)
    assert read is not None
    assert read.since == position.since
    assert read.done.items() <= position.done.items()
    assert len(read.done) == min(MAX_KEPT, len(position.done))
    assert not any(position.is_new(identity, at) for identity, at in found)


@given(st.text())
def test_no_text_raises(text: str) -> None:
    parse_position(text, SOURCE)
    parse_position(f"source={SOURCE} since={text}", SOURCE)
    parse_position(f"source={SOURCE} since=2026-01-31T12:00:00.000Z done={text}", SOURCE)
