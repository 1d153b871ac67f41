"""The page of promises names tests that are there, and not skipped."""

from __future__ import annotations

from dev.contract import CONTRACT, problems


def test_every_promise_is_proven_by_a_test() -> None:
    assert problems(CONTRACT.read_text()) == []


def test_a_test_that_is_not_there_is_named() -> None:
    assert problems("| It flies | `unit/dev/test_contract.py::test_it_flies` |") == [
        "tests/unit/dev/test_contract.py has no test test_it_flies"
    ]


def test_a_promise_without_a_test_is_named() -> None:
    assert problems("| It flies | surely |") == ["this promise names no test: It flies"]
