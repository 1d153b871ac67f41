"""Numbers and booleans written as strings: the API server refuses them, so `lint` does."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from orchestrator.models.workflow import WorkflowSpec
from orchestrator.validation.parse import parse
from orchestrator.validation.strict import mistyped


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("priority: '3'", "spec.priority: must be an integer, not a string; write `priority: 3`"),
        (
            "nodes: [{name: a, action: x, retry: {limit: '3'}}]",
            "spec.nodes[0].retry.limit: must be an integer, not a string; write `limit: 3`",
        ),
        (
            "nodes: [{name: a, action: x, retry: {limit: 3, backoff: {factor: '1.5'}}}]",
            "spec.nodes[0].retry.backoff.factor: must be a number, not a string; write"
            " `factor: 1.5`",
        ),
        (
            "nodes: [{name: a, action: x, allowFailure: 'yes'}]",
            "spec.nodes[0].allowFailure: must be true or false, not a string; write"
            " `allowFailure: true`",
        ),
        (
            "variables: [{name: a, type: string, required: 0}]",
            "spec.variables[0].required: must be true or false, not an integer; write"
            " `required: false`",
        ),
        ("layout: {a: ['1', 2]}", "spec.layout.a[0]: must be a number, not a string; write `a: 1`"),
    ],
)
def test_a_number_or_boolean_in_quotes_is_refused(text: str, problem: str) -> None:
    raw: dict[str, Any] = {"nodes": [{"name": "a", "delay": "1s"}], **yaml.safe_load(text)}
    assert isinstance(parse(WorkflowSpec, raw), WorkflowSpec)
    assert [str(found) for found in mistyped(WorkflowSpec, raw)] == [problem]


def test_free_values_keep_their_types() -> None:
    raw = {
        "priority": 3,
        "variables": [{"name": "a", "type": "string", "default": "3", "minimum": None}],
        "nodes": [{"name": "a", "action": "x", "with": {"limit": "3", "required": "yes"}}],
    }
    assert mistyped(WorkflowSpec, raw) == []
