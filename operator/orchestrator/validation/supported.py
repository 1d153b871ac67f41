"""What this release does not do yet: refused by name, never ignored. Rows go as parts are built."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from orchestrator.models.template import TemplateSpec
from orchestrator.models.workflow import Node, WorkflowSpec
from orchestrator.validation.problem import Problem, join

_NODE: tuple[tuple[str, str, Callable[[Node], bool]], ...] = (
    (
        "forEach",
        "fan-outs of sub-workflows are",
        lambda node: node.for_each is not None and node.workflow is not None,
    ),
)


def unsupported(spec: WorkflowSpec) -> list[Problem]:
    """Every use of a part of Workflow that this release does not have."""
    return list(_unsupported(spec))


def unsupported_template(spec: TemplateSpec) -> list[Problem]:
    """Every use of a part of Template that this release does not have."""
    if spec.workflow is None:
        return []
    return [Problem("spec.workflow", "templates of whole workflows are not supported yet")]


def _unsupported(spec: WorkflowSpec) -> Iterator[Problem]:
    for index, node in enumerate(spec.nodes):
        for field, what, used in _NODE:
            if used(node):
                path = join("spec.nodes", index, field)
                yield Problem(path, f"{what} not supported yet")
