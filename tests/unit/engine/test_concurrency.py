"""The list of who is admitted, as somebody may have edited it."""

from __future__ import annotations

import pytest

from orchestrator.engine.concurrency import Holder, holders_from, holders_to


def test_it_is_read_as_it_was_written() -> None:
    holders = [Holder("u1", "run-1"), Holder("u2", "run-2")]
    assert holders_from({"data": holders_to(holders)}) == holders


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "5",
        "{}",
        "[5, null]",
        '[{"uid": "u1"}]',
        '[{"uid": "", "name": "run"}]',
        '[{"uid": "u1", "name": "../../nodes/a"}]',
        '[{"uid": 1, "name": "run"}]',
        '[{"uid": "u1", "name": ["run"]}]',
    ],
)
def test_what_names_no_execution_holds_no_slot(text: str) -> None:
    assert holders_from({"data": {"admitted": text}}) == []


def test_an_execution_that_is_named_twice_holds_one_slot() -> None:
    text = '[{"uid": "u1", "name": "run-1"}, {"uid": "u2", "name": "run-2"}'
    text += ', {"uid": "u1", "name": "run-1"}' * 1000 + "]"
    assert holders_from({"data": {"admitted": text}}) == [
        Holder("u1", "run-1"),
        Holder("u2", "run-2"),
    ]
