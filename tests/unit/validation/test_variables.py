"""What executions and nodes start with."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.expressions import SecretValue
from orchestrator.models.workflow import Value, WorkflowSpec
from orchestrator.validation.problem import MAX_PROBLEMS
from orchestrator.validation.variables import check_value, resolve_parameters, resolve_variables
from tests.builders import template

SPEC = WorkflowSpec.model_validate(
    {
        "nodes": [{"name": "a", "delay": "1s"}],
        "variables": [
            {"name": "service", "type": "string", "required": True, "pattern": "[a-z]+"},
            {"name": "attempts", "type": "integer", "default": 3, "minimum": 1},
            {"name": "note", "type": "string"},
            {"name": "token", "type": "secret", "secretKeyRef": {"name": "api", "key": "k"}},
        ],
    }
)


def test_defaults_are_applied_and_secrets_are_references() -> None:
    values, problems = resolve_variables(SPEC, {"service": "api"})
    assert problems == []
    assert values == {"service": "api", "attempts": 3, "token": SecretValue("api", "k")}


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({}, "spec.variables.service: is required: the variable has no default"),
        ({"service": None}, "spec.variables.service: is required: the variable has no default"),
        (
            {"service": "API"},
            "spec.variables.service: must match '[a-z]+' as a whole; \"API\" does not",
        ),
        (
            {"service": "a", "attempts": "3"},
            'spec.variables.attempts: must be an integer, not a string ("3"); write 3 without'
            " quotes",
        ),
        ({"service": "a", "attempts": 0}, "spec.variables.attempts: must be at least 1, not 0"),
        (
            {"service": "a", "atempts": 1},
            "spec.variables.atempts: the workflow has no variable 'atempts'; did you mean"
            " 'attempts'?",
        ),
        (
            {"service": "a", "token": "x"},
            "spec.variables.token: is a secret: it comes from secretKeyRef in the Workflow, and"
            " nothing that starts an execution can set it",
        ),
    ],
)
def test_what_is_given_wrongly_is_refused(given: dict[str, Any], problem: str) -> None:
    _, problems = resolve_variables(SPEC, given)
    assert [str(found) for found in problems] == [problem]


@pytest.mark.parametrize(
    ("declared", "value", "wrong"),
    [
        ({"type": "string"}, "a", None),
        ({"type": "number"}, 1, None),
        ({"type": "number"}, True, "must be a number, not a boolean (true)"),
        ({"type": "integer"}, 1.0, "must be an integer, not a number (1.0)"),
        ({"type": "list", "minLength": 1}, [], "must have at least 1 items, not 0"),
        ({"type": "string", "maxLength": 1}, "ab", "must have at most 1 characters, not 2"),
        ({"type": "object"}, {"a": [1]}, None),
        ({"type": "object"}, "a", 'must be an object, not a string ("a")'),
        ({"type": "boolean", "enum": [True]}, True, None),
        ({"type": "number", "enum": [1, 2]}, 1.0, None),
        ({"type": "string"}, "x" * 70_000, "a value exceeds 64 KiB"),
        ({"type": "number"}, float("nan"), "a number is too large, or not a number"),
        (
            {"type": "string"},
            SecretValue("n", "k"),
            "must be a string, not a secret; only a parameter of type secret takes a secret",
        ),
    ],
)
def test_a_value_is_checked(declared: dict[str, Any], value: Any, wrong: str | None) -> None:
    assert check_value(value, Value.model_validate({"name": "x", **declared})) == wrong


def test_parameters_are_checked_with_their_names() -> None:
    secret = SecretValue("n", "k")
    values, problems = resolve_parameters(template(), {"text": "t", "password": secret})
    assert (values, problems) == ({"text": "t", "password": secret}, [])
    _, problems = resolve_parameters(template(), {"text": 3, "tex": "t", "password": "plain"})
    assert [str(problem) for problem in problems] == [
        "with.tex: there is no parameter 'tex'; did you mean 'text'?",
        "with.text: must be a string, not an integer (3); quote it",
        'with.password: must be a secret variable, not a string ("plain")',
    ]


def test_of_many_unknown_names_the_first_fifty_are_told() -> None:
    given = {"service": "api", **{f"unknown{number}": 1 for number in range(100_000)}}
    _, problems = resolve_variables(SPEC, given)
    assert len(problems) == MAX_PROBLEMS
    _, problems = resolve_parameters(template(), {f"unknown{n}": 1 for n in range(1_000)})
    assert len(problems) == MAX_PROBLEMS
