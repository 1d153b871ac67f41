"""What this release does not do is refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.models.template import TemplateSpec
from orchestrator.validation.supported import (
    unsupported,
    unsupported_template,
)
from tests.builders import action, workflow


@pytest.mark.parametrize(
    ("node", "problem"),
    [
        (
            {"name": "a", "workflow": {"name": "b"}, "forEach": {"values": "[1]", "as": "x"}},
            "spec.nodes[1].forEach: fan-outs of sub-workflows are not supported yet",
        ),
    ],
)
def test_nodes_of_later_releases_are_refused(node: dict[str, Any], problem: str) -> None:
    assert [str(p) for p in unsupported(workflow(action("first"), node))] == [problem]


def test_what_this_release_does_is_not_refused() -> None:
    spec = workflow(
        action("a", join="Any", when="true", allowFailure=True, retry={"limit": 1}, timeout="5s"),
        {"name": "c", "condition": "true"},
        {"name": "d", "delay": "1s"},
        {"name": "t", "transform": {"x": "1"}},
        action("last"),
        {"name": "ok", "approval": {"approvers": ["user:ana"]}},
        {"name": "go", "wait": {"signal": "go"}},
        {"name": "child", "workflow": {"name": "b"}},
        action("again", repeat={"until": "true", "limit": 1}),
        onFailure="Cancel",
        workspace={},
        concurrency={"limit": 1},
        history={"failed": 1},
        priority=3,
        finallyTimeout="5m",
        finally_=["last"],
    )
    assert unsupported(spec) == []


def test_templates_of_whole_workflows_are_refused() -> None:
    spec = TemplateSpec(workflow=workflow(action("a")))
    assert [p.path for p in unsupported_template(spec)] == ["spec.workflow"]
