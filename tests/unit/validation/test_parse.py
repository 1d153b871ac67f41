"""Manifests that have not even the right shape, in words."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from orchestrator.models.template import TemplateSpec
from orchestrator.models.workflow import WorkflowSpec
from orchestrator.validation.parse import parse


def problems(raw: Any) -> list[str]:
    """What is wrong with a workflow's raw spec."""
    found = parse(WorkflowSpec, raw)
    assert isinstance(found, list), found
    return [str(problem) for problem in found]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[]", "spec: must be an object, not a list"),
        ("{}", "spec.nodes: is required; write `nodes: [{name: NODE, action: NAME}]`"),
        ("nodes: []", "spec.nodes: is required; write `nodes: [{name: NODE, action: NAME}]`"),
        ("nodes: [3]", "spec.nodes[0]: must be an object, not an integer"),
        ("nodes: [{delay: 1s}]", "spec.nodes[0].name: is required"),
        ("titel: x", "spec: there is no field 'titel'; did you mean 'title'?"),
        (
            "nodes: [{name: a, acton: x}]",
            "spec.nodes[0]: there is no field 'acton'; did you mean 'action'?",
        ),
        (
            "nodes: [{name: a, retry: {limit: 1, backoff: {inital: 1s}}}]",
            "spec.nodes[0].retry.backoff: there is no field 'inital'; did you mean 'initial'?",
        ),
        (
            "edges: [{from: a, too: b, zzz: 1}]",
            "spec.edges[0]: there is no field 'zzz'; the fields are from, to, outcome, when",
        ),
        (
            "nodes: [{name: check-db, delay: 1s}]",
            "spec.nodes[0].name: 'check-db' is not a name: a lower-case letter, then letters,"
            " digits and _; write 'check_db'",
        ),
        (
            "nodes: [{name: a, transform: {'2nd-item': x}}]",
            "spec.nodes[0].transform: a key is wrong: '2nd-item' is not a name: a lower-case"
            " letter, then letters, digits and _; write 'nd_item'",
        ),
        (
            "state: active",
            "spec.state: must be one of Draft, Active, Inactive, Archived, not 'active'; did you"
            " mean 'Active'?",
        ),
        (
            "edges: [{from: a, to: b, outcome: Success}]",
            "spec.edges[0].outcome: must be one of Succeeded, Failed, Always, Then, Else, not"
            " 'Success'; did you mean 'Succeeded'?",
        ),
        (
            "timeout: 5 min",
            "spec.timeout: '5 min' is not a duration; write 5m",
        ),
        (
            "timeout: soon",
            "spec.timeout: 'soon' is not a duration; write one such as 30s, 5m, 1h30m or 500ms",
        ),
        ("timeout: 30", "spec.timeout: must be a string, not an integer; write `timeout: 30s`"),
        ("title: 30", "spec.title: must be a string, not an integer; quote it"),
        (
            "title: yes",
            "spec.title: must be a string, not a boolean; YAML reads an unquoted yes, no, on, off,"
            " y or n as a boolean: quote it",
        ),
        ("priority: 1.5", "spec.priority: must be an integer, not a number"),
        ("priority: 2000", "spec.priority: must be at most 1000, not 2000"),
        (
            "nodes: [{name: a, workflow: {name: A_b}}]",
            "spec.nodes[0].workflow.name: 'A_b' is not a Kubernetes name: lower-case letters,"
            " digits and '-', with a letter or digit at both ends; write 'a-b'",
        ),
        (
            "'true': 1",
            "spec: a key is the boolean true: YAML reads an unquoted y, n, yes, no, on or off as a"
            " boolean; quote it",
        ),
    ],
)
def test_a_wrong_manifest_says_where_and_what(text: str, problem: str) -> None:
    assert problem in problems(yaml.safe_load(text))


def test_an_unquoted_boolean_key_is_named_wherever_it_stands() -> None:
    raw = yaml.safe_load("nodes: [{name: a, action: b, with: {x: {on: 1}, yes: 2}}]")
    assert [problem.split(": ")[0] for problem in problems(raw)] == [
        "spec.nodes[0].with",
        "spec.nodes[0].with.x",
    ]


def test_long_text_is_not_repeated() -> None:
    found = problems({"title": "x" * 5000, "nodes": [{"name": "n" * 70, "delay": "1s"}]})
    assert found == [
        "spec.title: has 5000 characters; at most 256 are allowed",
        "spec.nodes[0].name: has 70 characters; at most 63 are allowed",
    ]


def test_a_template_is_read_the_same_way() -> None:
    found = parse(TemplateSpec, {"action": {"imagePullPolicy": "Sometimes"}})
    assert isinstance(found, list)
    assert found[0].path == "spec.action.imagePullPolicy"
