"""Manifests with the habits of other systems, and the message: where it is wrong, what to type.

The manifests are in newcomers.yaml, each with the path and the words of the message that matter.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestrator.models.execution import ExecutionSpec
from orchestrator.models.template import TemplateSpec
from orchestrator.models.workflow import WorkflowSpec
from orchestrator.triggers.registry import REGISTRY
from orchestrator.validation.parse import parse
from orchestrator.validation.problem import Problem
from orchestrator.validation.template import validate_template
from orchestrator.validation.trigger import validate_trigger
from orchestrator.validation.workflow import validate_workflow

CASES: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("newcomers.yaml").read_text())
TEMPLATES = {
    name: TemplateSpec.model_validate(
        {
            "parameters": [{"name": "url", "type": "string"}, {"name": "token", "type": "secret"}],
            "outputs": [{"name": "status", "type": "integer"}],
            "action": {},
        }
    )
    for name in ("http-request", "slack-message", "local/deploy")
}


def judge(kind: str, raw: Any) -> list[Problem]:
    """What is wrong with a spec, by the rules of the operator and of `apply`."""
    if kind == "Workflow":
        raw.setdefault("nodes", [{"name": "check", "action": "http-request"}])
        spec = parse(WorkflowSpec, raw)
        return spec if isinstance(spec, list) else validate_workflow(spec, TEMPLATES)
    if kind == "Trigger":
        trigger = parse(REGISTRY.spec, raw)
        return trigger if isinstance(trigger, list) else validate_trigger(trigger, REGISTRY.types)
    if kind == "WorkflowExecution":
        execution = parse(ExecutionSpec, raw)
        return execution if isinstance(execution, list) else []
    template = parse(TemplateSpec, raw)
    return template if isinstance(template, list) else validate_template(template)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['from']}: {case['spec'][:60]}")
def test_the_message_names_the_field_and_what_to_type(case: dict[str, str]) -> None:
    found = [str(problem) for problem in judge(case["kind"], yaml.safe_load(case["spec"]))]
    assert any(text.startswith(f"{case['path']}: ") and case["words"] in text for text in found), (
        found
    )


def test_the_table_covers_the_systems_that_people_come_from() -> None:
    systems = {case["from"] for case in CASES}
    assert {"Argo Workflows", "Tekton", "GitHub Actions", "Ansible", "Kubernetes"} <= systems
    assert len(CASES) >= 100
