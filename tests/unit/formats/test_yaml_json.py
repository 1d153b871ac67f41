"""YAML is read as kubectl reads it; what is refused beyond that is said in one line."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.formats.yaml_dumper import to_yaml
from orchestrator.formats.yaml_json import NotReadableError, read_yaml
from tests.kubectl_yaml import document, read_table

BILLIONS = "a0: &a0 [1, 2, 3]\n" + "\n".join(
    f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]" for level in range(1, 10)
)
STRICTER = ('{1: a, "1": b}', "{a: 1, a: 2}")
"""What kubectl takes, the last of two equal keys winning, and is a mistake here."""

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False).filter(lambda x: not x.is_integer())
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4)
    ),
    max_leaves=12,
)


def test_the_table_covers_the_traps() -> None:
    assert len(read_table()) >= 300


def test_every_value_is_read_as_kubectl_reads_it() -> None:
    wrong = []
    for row in read_table():
        try:
            (found,) = read_yaml(document(row.source))
        except NotReadableError as error:
            if not row.refused and row.source not in STRICTER:
                wrong.append(f"{row.source!r}: refused: {error}")
            continue
        value: Any = found["spec"]["value"]
        if row.refused or not _same(value, row.value):
            wrong.append(f"{row.source!r}: {value!r}, not {row}")
    assert not wrong, "\n".join(wrong)


def _same(ours: Any, theirs: Any) -> bool:
    """Equal in type as well, once keys are texts; a number beyond 64 bits is a float to both."""
    if isinstance(theirs, int) and not -(2**63) <= theirs < 2**63:
        return isinstance(ours, float) and ours == float(theirs)
    return bool(json.loads(json.dumps(ours)) == theirs) and _types(ours) == _types(theirs)


def _types(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key).lower(): _types(item) for key, item in value.items()}
    return [_types(item) for item in value] if isinstance(value, list) else type(value)


def test_a_boolean_key_is_left_to_be_refused_with_its_path() -> None:
    assert list(read_yaml("on: no\n'y': 1")) == [{True: False, "y": 1}]


@given(JSON)
def test_printed_yaml_reads_back_as_the_same_value(value: Any) -> None:
    printed = to_yaml({"value": value})
    assert list(read_yaml(printed)) == [{"value": value}]
    assert not any(letter in printed for letter in "\x1b\x07\x9b\x7f\u202e\u2066\u200f\u061c")


@given(JSON)
def test_json_reads_as_json(value: Any) -> None:
    for ascii_only in (True, False):
        text = json.dumps({"value": value}, ensure_ascii=ascii_only)
        assert list(read_yaml(f" \n{text}\n{text}")) == [{"value": value}] * 2


def test_documents_are_divided_as_kubectl_divides_them() -> None:
    text = "# a comment\n---\na: |\n  x\n--- # another\n---\nb: 1\n...\n---\r\nc: 2\r\n"
    assert list(read_yaml(text)) == [{"a": "x\n"}, None, {"b": 1}, {"c": 2}]


def test_json_may_be_followed_by_yaml() -> None:
    assert list(read_yaml('{"a": 1}\n---\nb: 0o17')) == [{"a": 1}, {"b": 15}]
    assert list(read_yaml("{a: 12:30}")) == [{"a": "12:30"}]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "this is not YAML: "),
        ("a: 1\na: 2", "the key 'a' is defined twice"),
        ('{"a": 1, "a": 2}', "the key 'a' is defined twice"),
        ("? {a: 1}\n: 2", "a key must be a string, a number or a boolean"),
        ("~: 1", "a key must be a string, a number or a boolean"),
        ("a: !!int x", "'x' is not a value of the tag !!int"),
        ("a: [{b: .nan}]", "a[0].b: nan is not a JSON number; quote it"),
        ("a: -.inf", "a: -inf is not a JSON number"),
        ('{"a": 1e999}', "a: inf is not a JSON number"),
        ("a: !!binary /w==", "!!binary holds no text in base64"),
        ('a: "\\ud800"', "a: this is not Unicode"),
        ('{"a": "\\ud800"}', "a: this is not Unicode"),
        ("a: &a [*a]", "an alias contains itself"),
        ("a: *b", "found undefined alias"),
        ("a: 1\n--- b: 2", "line 2: nothing but a comment may follow ---"),
        ("a: 1\n...\nb: 2", "this is not YAML: line 3, column 1: expected '<document start>'"),
        (
            "a:\n\tb: 1",
            "line 2, column 1: found character '\\t' that cannot start any token; indent",
        ),
        ("a: b: c", "line 1, column 5: mapping values are not allowed here; quote a text that"),
        ("a:\n  b: 1\n c: 2", "line 3, column 2: expected <block end>"),
        ('a: {b: "c "d""}', "line 1, column 12: expected ',' or '}', but got '<scalar>'; quote"),
        ('a: "b', "found unexpected end of stream; a quote is not closed"),
        ('a: "\\UFFFFFFFF"', "this is not YAML: "),
        ("[" * 150 + "]" * 150, "is nested more than 100 deep"),
        ("a: " * 150, "this is not YAML: "),
        ("[" * 5000, "this is not YAML: maximum recursion depth exceeded"),
        ('{"a":' * 5000, "this is not YAML: "),
        (BILLIONS, "it holds more than 500000 values"),
        ("a: 1\n---\n---\nb: [", "line 5"),
    ],
)
def test_what_is_refused_is_said_in_one_line(text: str, said: str) -> None:
    with pytest.raises(NotReadableError) as refused:
        list(read_yaml(text))
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
