"""Outputs fit the kubelet's termination message, and say so when something was left out."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.actions.action import ActionError, Outputs
from orchestrator.actions.encoding import MAX_BYTES, encode


class Answer(Outputs):
    bulky = ("parsed", "rows", "head", "tail")
    keep_end = frozenset({"tail"})

    parsed: dict[str, str] | None = None
    rows: list[str] = []
    head: str = ""
    tail: str = ""
    truncated: bool = False


class Fixed(Outputs):
    text: str


@given(
    st.builds(
        Answer,
        parsed=st.dictionaries(st.text(), st.text()) | st.none(),
        rows=st.lists(st.text(max_size=500), max_size=30),
        head=st.text(alphabet=st.characters(codec="utf-8"), max_size=6000),
        tail=st.text(alphabet=st.characters(codec="utf-8"), max_size=6000),
    )
)
def test_what_is_written_fits_and_is_part_of_what_was_said(answer: Answer) -> None:
    encoded = encode(answer)
    written = json.loads(encoded)
    assert len(encoded) <= MAX_BYTES
    assert answer.head.startswith(written["head"])
    assert answer.tail.endswith(written["tail"])
    assert answer.rows[: len(written["rows"])] == written["rows"]
    whole = written == answer.model_dump(exclude_none=True)
    assert written["truncated"] is not whole


def test_the_least_important_goes_first_and_as_little_as_possible() -> None:
    written = json.loads(encode(Answer(parsed={"a": "b"}, head="é" * 4000, tail="t" * 100)))
    assert written["tail"] == "t" * 100
    assert len(written["head"]) > 1900
    assert "parsed" not in written


def test_outputs_that_cannot_be_shortened_are_refused() -> None:
    with pytest.raises(ActionError, match="more than the 4096 allowed"):
        encode(Fixed(text="x" * 5000))
