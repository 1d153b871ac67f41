"""transform-data with both languages."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from orchestrator.actions.action import PERMANENT, ActionError, Context
from orchestrator.actions.data.transform_data import (
    ACTION,
    TransformData,
    TransformResult,
)
from tests.examples import example

PROVES = {"JMESPath and JSONPath": ["transform-data"]}

DOCUMENT = {"pods": [{"name": "web-1", "n": 0}, {"name": "web-2", "n": 7}], "empty": None}


def run(context: Context, **parameters: Any) -> TransformResult:
    return ACTION.run(TransformData.model_validate(parameters), context)


@pytest.fixture
def stored(context: Context, tmp_path: Path) -> Context:
    """A context with a workspace."""
    return replace(context, environ={"WORKSPACE": str(tmp_path)})


@pytest.mark.parametrize(
    ("language", "expression", "value"),
    [
        ("jmespath", "pods[?n > `0`].name", ["web-2"]),
        ("jmespath", "pods[0].name", "web-1"),
        ("jmespath", "{names: pods[].name, total: sum(pods[].n)}",
         {"names": ["web-1", "web-2"], "total": 7}),
        ("jmespath", "nothing.here", None),
        ("jsonpath", "$.pods[?@.n > 0].name", ["web-2"]),
        ("jsonpath", "$.pods[0].name", "web-1"),
        ("jsonpath", "$..name", ["web-1", "web-2"]),
        ("jsonpath", "$.pods[?match(@.name, 'web-[2-9]')].n", [7]),
        ("jsonpath", "$.nothing", None),
        ("jsonpath", "$.nothing[*]", []),
    ],
)  # fmt: skip
def test_expressions_select_values(
    context: Context, language: str, expression: str, value: Any
) -> None:
    found = run(context, language=language, json=DOCUMENT, expressions={"value": expression})
    assert found.values == {"value": value}


@pytest.mark.parametrize(
    "given", [{"json": {"a": [1]}}, {"text": '{"a": [1]}'}, {"file": "in.json"}]
)
def test_the_input_is_json_of_any_origin(
    stored: Context, tmp_path: Path, given: dict[str, Any]
) -> None:
    (tmp_path / "in.json").write_text('{"a": [1]}')
    assert run(stored, **given, expressions={"a": "a[0]"}).values == {"a": 1}
    assert run(stored, items=[1, 2], expressions={"a": "[1]"}).values == {"a": 2}


def test_values_that_are_too_large_for_outputs_are_saved(stored: Context, tmp_path: Path) -> None:
    found = run(stored, items=["x" * 100] * 100, expressions={"all": "@"}, saveAs="out/all.json")
    assert (found.values, found.file) == (None, "out/all.json")
    content = (tmp_path / "out/all.json").read_bytes()
    assert (json.loads(content), len(content)) == ({"all": ["x" * 100] * 100}, found.size)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"expressions": {"a": "b["}}, "expressions.a: Invalid jmespath expression"),
        ({"expressions": {"a": "foo(@)"}}, "expressions.a: Unknown function: foo()"),
        ({"expressions": {"a": "length(`1`)"}}, "expressions.a: In function length()"),
        ({"expressions": {"a": "(" * 4000}}, "expressions.a: "),
        ({"expressions": {"a": "$.b["}, "language": "jsonpath"}, "expressions.a: unexpected"),
        ({"expressions": {"a": "$.b | $.c"}, "language": "jsonpath"}, "expressions.a: unexpected"),
        ({"json": None, "text": "{"}, "text is not JSON: "),
        ({"json": None, "text": "NaN"}, "text is not JSON: NaN is no value of JSON"),
        ({"json": None, "text": "[" * 100000}, "text is not JSON: nested too deeply"),
        ({"json": None, "file": "../secret"}, "leads out of the workspace"),
        ({"json": None, "file": "link"}, "file 'link' leads out of the workspace"),
        ({"json": None, "file": "missing"}, "file: the workspace has no file 'missing'"),
        ({"saveAs": "out/../../x"}, "saveAs 'out/../../x' leads out of the workspace"),
        ({"saveAs": "."}, "saveAs: '.' is a folder of the workspace"),
        ({"requireValues": True, "expressions": {"a": "b"}}, "expressions.a selects no value"),
        ({"requireValues": True, "expressions": {"a": "b[].c || `[]`"}}, "selects no value"),
    ],
)
def test_what_cannot_succeed_is_permanent(
    stored: Context, tmp_path: Path, parameters: dict[str, Any], words: str
) -> None:
    (tmp_path / "link").symlink_to("/etc/passwd")
    values: dict[str, Any] = {"json": {"a": 1}, "expressions": {"a": "a"}, **parameters}
    with pytest.raises(ActionError) as caught:
        run(stored, **{name: each for name, each in values.items() if each is not None})
    assert (caught.value.exit_code, words in str(caught.value)) == (PERMANENT, True), caught.value


def test_a_short_expression_cannot_use_up_memory_or_time(context: Context) -> None:
    doubling = " | ".join(["[@, @]"] * 60)
    with pytest.raises(ActionError, match=r"are larger than 4194304 bytes|take longer than 2 s"):
        run(context, items=[1], expressions={"a": doubling}, timeout="2s")
    with pytest.raises(ActionError, match=r"expressions\.a: selects more than 100000 values"):
        run(context, items=[1] * 400, expressions={"a": f"$[{','.join(['*'] * 400)}]"},
            language="jsonpath", timeout="60s")  # fmt: skip
    slow = {"a": "$[?match(@, '(a|a)*b|(a|a)*c')]"}
    with pytest.raises(ActionError, match=r"take longer than 0\.2 s") as caught:
        run(context, items=["a" * 64], expressions=slow, language="jsonpath", timeout="200ms")
    assert caught.value.exit_code == PERMANENT


@pytest.mark.parametrize(
    "wrong",
    [
        {"expressions": {}},
        {"expressions": {"a b": "c"}},
        {"text": "{}"},
        {"json": None},
        {"language": "xpath"},
    ],
)
def test_invalid_parameters_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TransformData.model_validate({"json": {}, "expressions": {"a": "b"}, **wrong})


def test_the_example_runs(context: Context) -> None:
    jmespath, jsonpath = (run(context, **each).values for each in example(ACTION.name))
    assert jmespath == {"restarted": ["web-2"], "total": 7}
    assert jsonpath == {"restarted": ["web-2"], "first": "web-1"}
