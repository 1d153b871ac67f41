"""Messages about strings: what they propose is valid, and what they repeat is harmless."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.models.base import (
    APPROVER_PATTERN,
    DNS_LABEL_PATTERN,
    DURATION_PATTERN,
    IDENTIFIER_PATTERN,
    QUANTITY_PATTERN,
    parse_duration,
)
from orchestrator.models.messages import PATTERNS, one_of

STATES = ("Draft", "Active", "Inactive", "Archived")
ACCESS = ("ReadWriteOnce", "ReadWriteMany")
UNITS = [
    "s",
    "sec",
    "secs",
    "second",
    "seconds",
    "m",
    "min",
    "mins",
    "minute",
    "minutes",
    "h",
    "hr",
    "hrs",
    "hour",
    "hours",
]


def proposed(pattern: str, text: str) -> str:
    """What a message proposes instead of a text; empty if it proposes nothing."""
    found = re.search(r"; write '?([^' ]+)'?$", PATTERNS[pattern].of(text))
    return found[1] if found else ""


@pytest.mark.parametrize("pattern", [IDENTIFIER_PATTERN, DNS_LABEL_PATTERN])
@given(text=st.text(st.characters(codec="ascii"), max_size=40))
def test_a_proposed_name_is_one(pattern: str, text: str) -> None:
    name = proposed(pattern, text)
    assert name == "" or re.fullmatch(pattern, name)


@given(
    parts=st.lists(
        st.tuples(st.integers(1, 999), st.sampled_from(["", " "]), st.sampled_from(UNITS)),
        min_size=1,
        max_size=3,
    ),
    between=st.sampled_from(["", " ", ", "]),
)
def test_a_duration_in_words_is_translated(parts: list[tuple[int, str, str]], between: str) -> None:
    text = between.join(f"{number}{space}{unit}" for number, space, unit in parts)
    meant = "".join(f"{number}{unit[0]}" for number, _, unit in parts)
    assert proposed(DURATION_PATTERN, text) == meant
    assert parse_duration(meant) > 0


@given(
    number=st.integers(0, 9999),
    space=st.sampled_from(["", " "]),
    unit=st.from_regex("[kKmMgGtTpPeE]?i?[bB]?", fullmatch=True),
)
def test_a_proposed_quantity_is_one(number: int, space: str, unit: str) -> None:
    quantity = proposed(QUANTITY_PATTERN, f"{number}{space}{unit}")
    assert re.fullmatch(QUANTITY_PATTERN, quantity)


@pytest.mark.parametrize(
    ("values", "text", "near"),
    [
        (STATES, "active", "Active"),
        (STATES, "Actve", "Active"),
        (STATES, "inactivated", "Inactive"),
        (STATES, "Running", None),
        (ACCESS, "ReadWriteOften", "ReadWriteOnce"),
        (ACCESS, "ReadOnly", None),
    ],
)
def test_a_value_with_the_same_beginning_is_proposed(
    values: tuple[str, ...], text: str, near: str | None
) -> None:
    message = one_of(values).of(text)
    assert message.startswith(f"must be one of {', '.join(values)}, not '{text}'")
    assert message.endswith(f"; did you mean '{near}'?" if near else f"not '{text}'")


@pytest.mark.parametrize("text", ["a\nb", "a\x1b[31mb", "a\u202eb", "a\u200bb", "it's", "x" * 79])
def test_what_a_terminal_might_not_print_as_it_is_is_not_repeated(text: str) -> None:
    for pattern, message in PATTERNS.items():
        assert message.of(text).startswith("the value is "), pattern
    assert one_of(STATES).of(text) == f"must be one of {', '.join(STATES)}, not the value"


@pytest.mark.parametrize(
    ("text", "approver"),
    [
        ("sre", "group:sre"),
        ("grp:sre", "group:sre"),
        ("ana@example.com", "user:ana@example.com"),
        ("system:serviceaccount:shop:portal", "user:system:serviceaccount:shop:portal"),
        ("system:serviceaccounts:shop", "group:system:serviceaccounts:shop"),
        ("oidc:ana@example.com", "user:oidc:ana@example.com"),
        ("oidc:sre", "group:oidc:sre"),
    ],
)
def test_a_proposed_approver_has_the_whole_name(text: str, approver: str) -> None:
    assert proposed(APPROVER_PATTERN, text) == approver


@given(text=st.text(st.characters(codec="ascii", exclude_characters="\n"), min_size=1, max_size=40))
def test_a_proposed_approver_is_one(text: str) -> None:
    if not re.fullmatch(APPROVER_PATTERN, text) and (approver := proposed(APPROVER_PATTERN, text)):
        assert re.fullmatch(APPROVER_PATTERN, approver)
