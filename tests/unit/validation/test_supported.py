"""What this release does not do is refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.models.template import TemplateSpec
from orchestrator.validation.supported import (
    unsupported,
    unsupported_execution,
    unsupported_template,
)
from tests.builders import action, workflow


@pytest.mark.parametrize(
    ("node", "problem"),
    [
        (
            {"name": "a", "approval": {"approvers": ["user:ana"]}},
            "spec.nodes[1].approval: approvals are not supported yet",
        ),
        (
            {"name": "a", "wait": {"signal": "go"}},
            "spec.nodes[1].wait: waits are not supported yet",
        ),
        (
            {"name": "a", "workflow": {"name": "b"}},
            "spec.nodes[1].workflow: sub-workflows are not supported yet",
        ),
        (
            action("a", forEach={"values": "[1]", "as": "x"}),
            "spec.nodes[1].forEach: fan-outs are not supported yet",
        ),
        (
            action("a", repeat={"until": "true", "limit": 1}),
            "spec.nodes[1].repeat: repetitions are not supported yet",
        ),
    ],
)
def test_nodes_of_later_releases_are_refused(node: dict[str, Any], problem: str) -> None:
    assert [str(p) for p in unsupported(workflow(action("first"), node))] == [problem]


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"finally": ["first"]}, "spec.finally"),
        ({"finallyTimeout": "5m"}, "spec.finallyTimeout"),
        ({"onFailure": "Stop"}, "spec.onFailure"),
        ({"concurrency": {"limit": 1}}, "spec.concurrency"),
        ({"priority": 1}, "spec.priority"),
        ({"history": {"failed": 1}}, "spec.history"),
        ({"workspace": {}}, "spec.workspace"),
    ],
)
def test_fields_of_later_releases_are_refused(fields: dict[str, Any], path: str) -> None:
    assert [p.path for p in unsupported(workflow(action("first"), **fields))] == [path]


def test_what_this_release_does_is_not_refused() -> None:
    spec = workflow(
        action("a", join="Any", when="true", allowFailure=True, retry={"limit": 1}, timeout="5s"),
        {"name": "c", "condition": "true"},
        {"name": "d", "delay": "1s"},
        {"name": "t", "transform": {"x": "1"}},
        onFailure="Finish",
        finallyTimeout="10m",
        priority=0,
    )
    assert unsupported(spec) == []


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"rerunOf": {"name": "x", "from": ["a"]}}, "spec.rerunOf"),
        ({"decisions": [{"node": "a"}]}, "spec.decisions"),
        ({"signals": [{"id": "a"}]}, "spec.signals"),
        ({"parent": {"name": "x"}}, "spec.parent"),
    ],
)
def test_executions_of_later_releases_are_refused(fields: dict[str, Any], path: str) -> None:
    assert [p.path for p in unsupported_execution({"workflow": "w", **fields})] == [path]
    assert unsupported_execution({"workflow": "w", "desiredState": "Paused"}) == []


def test_templates_of_whole_workflows_are_refused() -> None:
    spec = TemplateSpec(workflow=workflow(action("a")))
    assert [p.path for p in unsupported_template(spec)] == ["spec.workflow"]
