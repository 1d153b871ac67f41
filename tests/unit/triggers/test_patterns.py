"""Patterns of paths."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.triggers.patterns import matcher


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        ("*.csv", ["a.csv", "in/deep/a.csv", ".csv"], ["a.csv.gz", "a.CSV"]),
        ("in/*.csv", ["in/a.csv"], ["in/deep/a.csv", "a.csv", "out/in/a.csv"]),
        ("in/**", ["in/a", "in/deep/a"], ["in", "a"]),
        ("**/done/*", ["done/a", "x/y/done/a"], ["done/x/a"]),
        ("report-[0-9]?.txt", ["report-1a.txt"], ["report-1.txt", "report-a1.txt"]),
        ("[!a]*", ["b"], ["a", "ab"]),
        ("a+(b).c", ["a+(b).c"], ["aab.c"]),
        ("[", ["["], ["a"]),
        ("grüße *", ["grüße 1"], ["grusse 1"]),
    ],
)
def test_a_pattern_matches_as_people_expect(
    pattern: str, matching: list[str], others: list[str]
) -> None:
    matches = matcher(pattern)
    assert [path for path in matching if not matches(path)] == []
    assert [path for path in others if matches(path)] == []


@given(st.text(min_size=1, max_size=40), st.text(max_size=40))
def test_every_text_is_a_pattern_or_is_refused_with_a_message(pattern: str, path: str) -> None:
    try:
        matches = matcher(pattern)
    except ValueError as error:
        message = str(error)
    else:
        message = f"is no pattern: {matches(path)}"
    assert "is no pattern" in message
