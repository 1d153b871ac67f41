"""What this release does not do is refused by name."""

from __future__ import annotations

from orchestrator.models.template import TemplateSpec
from orchestrator.validation.supported import unsupported_template
from tests.builders import action, workflow


def test_templates_of_whole_workflows_are_refused() -> None:
    spec = TemplateSpec(workflow=workflow(action("a")))
    assert [p.path for p in unsupported_template(spec)] == ["spec.workflow"]
