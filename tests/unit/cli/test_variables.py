"""Variables from the command line become values of the declared type, or a mistake is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestrator.cli.variables import read_variables, typed
from orchestrator.session.errors import UsageError
from tests.builders import action

SPEC: dict[str, Any] = {
    "variables": [
        {"name": "service", "type": "string", "required": True},
        {"name": "attempts", "type": "integer", "maximum": 10},
        {"name": "token", "type": "secret", "secretKeyRef": {"name": "api", "key": "token"}},
    ],
    "nodes": [action("a")],
}


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("string", "3", "3"),
        ("string", "a=b", "a=b"),
        ("string", "", ""),
        ("integer", "-3", -3),
        ("number", "0.5", 0.5),
        ("number", "2", 2),
        ("boolean", "true", True),
        ("boolean", "false", False),
        ("list", '["a", 1]', ["a", 1]),
        ("object", '{"a": {"b": null}}', {"a": {"b": None}}),
    ],
)
def test_a_text_becomes_a_value_of_the_variables_type(kind: str, text: str, value: object) -> None:
    assert typed("x", text, kind) == value


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        ("integer", "three", "--var x=three: integer expected, such as x=3"),
        ("integer", "1.5", "integer expected"),
        ("integer", "true", "integer expected"),
        ("number", "", "number expected, such as x=0.5"),
        ("boolean", "yes", "--var x=yes: write true or false"),
        ("list", "a,b", 'such as x=\'["a", "b"]\''),
        ("object", "[]", "object expected"),
        ("secret", "hunter2", "a secret is bound in the Workflow and cannot be set"),
    ],
)
def test_what_is_no_value_of_the_type_is_refused_with_an_example(
    kind: str, text: str, said: str
) -> None:
    with pytest.raises(UsageError) as refused:
        typed("x", text, kind)
    assert said in str(refused.value)


def test_a_secrets_refusal_does_not_repeat_its_value() -> None:
    with pytest.raises(UsageError) as refused:
        typed("x", "hunter2", "secret")
    assert "hunter2" not in str(refused.value)


def test_assignments_win_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "vars.yaml"
    file.write_text("service: web\nattempts: 2\n")
    assert read_variables(SPEC["variables"], ["attempts=4"], file) == {
        "service": "web",
        "attempts": 4,
    }


@pytest.mark.parametrize("content", ["- a\n", "y: a\n", "a: [\n", "\x00"])
def test_a_file_that_holds_no_variables_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "vars.yaml"
    file.write_text(content)
    with pytest.raises(UsageError, match="--vars-file"):
        read_variables(SPEC["variables"], [], file)


def test_an_assignment_needs_an_equals_sign() -> None:
    with pytest.raises(UsageError, match="--var service: write NAME=VALUE"):
        read_variables(SPEC["variables"], ["service"], None)
