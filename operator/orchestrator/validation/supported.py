"""What this release does not do yet: refused by name, never ignored. Rows go as parts are built."""

from __future__ import annotations

from orchestrator.models.template import TemplateSpec
from orchestrator.validation.problem import Problem


def unsupported_template(spec: TemplateSpec) -> list[Problem]:
    """Every use of a part of Template that this release does not have."""
    if spec.workflow is None:
        return []
    return [Problem("spec.workflow", "templates of whole workflows are not supported yet")]
