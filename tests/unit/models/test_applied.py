"""Bodies of a server-side apply read the same as JSON and as YAML."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.formats.yaml_loader import Loader, Reader
from orchestrator.models.applied import NotUnicodeError, encode_applied

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
NASTY = st.text(
    st.sampled_from(
        "\0\x01\t\n\r\x1b\x7f\x80\x85\x9b\xa0\u2028\u2029\ufeff\ufffe\uffff🚀\U0010ffff\"\\/'#:"
    )
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | TEXT | NASTY,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT | NASTY, inner, max_size=4),
    max_leaves=12,
)


def read_as_yaml(body: bytes) -> Any:
    """What go-yaml reads: the loader that is compared with kubectl, which reads with it."""
    node = Loader(body.decode()).get_single_node()
    assert node is not None
    return Reader().value(node)


@given(VALUES)
def test_a_body_reads_alike_as_json_and_as_yaml(value: Any) -> None:
    body = encode_applied({"value": value})
    assert json.loads(body) == {"value": value}
    assert read_as_yaml(body) == {"value": value}


@pytest.mark.parametrize("letter", ["k", "é", "🚀", "\x01", '"', '":', "\\"])
@pytest.mark.parametrize("length", [160, 1000, 1023, 5000])
def test_a_key_may_be_longer_than_yaml_takes_for_one(letter: str, length: int) -> None:
    value = {"list": [{letter * length: 'a": "b'}, ":" * 2000], "other": {'"': 1}}
    body = encode_applied(value)
    assert read_as_yaml(body) == value
    for line in body.decode().split("? ")[1:]:
        assert " :" in line


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"spec": {"title": "a\ud83d"}}, "spec.title: U+D83D is half of a surrogate pair"),
        ({"spec": [{"x": "a"}, {"x": "\udcff"}]}, "spec[1].x: U+DCFF is half of"),
        ({"spec": {"\udcff": 1}}, "spec: U+DCFF is half of"),
    ],
)
def test_what_is_not_unicode_is_refused_with_its_path(body: Any, said: str) -> None:
    with pytest.raises(NotUnicodeError) as refused:
        encode_applied(body)
    assert str(refused.value).startswith(said)


def test_what_is_not_json_is_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        encode_applied({"value": float("nan")})
