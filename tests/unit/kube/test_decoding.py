"""JSON as the API server may send it."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from orchestrator.kube.decoding import MAX_DEPTH, loads, shallow


def nested(depth: int, inside: str = "1") -> bytes:
    """As many lists and objects inside each other as the API server takes."""
    half = depth // 2
    return ('[{"a":' * half + inside + "}]" * half).encode()


@pytest.mark.parametrize("depth", [1100, 9_990])
def test_what_is_nested_too_deep_is_cut_and_all_else_stays(depth: int) -> None:
    hard = rb'["]{[", "\\", "\"}", {"b": []}]'
    data = (
        b'{"x":' + nested(depth) + b',"y":' + hard + b',"z":' + nested(depth, hard.decode()) + b"}"
    )
    found = loads(data)
    assert found["y"] == orjson.loads(hard)
    assert list(found) == ["x", "y", "z"]
    value, deep = found["z"], 0
    while value is not None:
        value, deep = value[0] if isinstance(value, list) else value["a"], deep + 1
    assert deep == MAX_DEPTH - 1
    orjson.dumps(found)


def test_what_is_no_json_stays_an_error() -> None:
    for data in (b"", b'{"a": ', b"[" * 2000, b'{"a": "' + b"[" * 2000, b"<html>"):
        with pytest.raises(ValueError, match=r"line|EOF|recursion|empty"):
            loads(data)


def test_a_value_is_cut_like_its_json() -> None:
    value: Any = 1
    for _ in range(500):
        value = {"a": [value]}
    cut = shallow(value)
    orjson.dumps(cut)
    assert cut == loads(nested(1100).replace(b'[{"a":', b'{"a":[').replace(b"}]", b"]}"))
    assert shallow({"a": [1, "x", None]}) == {"a": [1, "x", None]}
