"""The variables of a known sub-workflow are declared and valid."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.validation.problem import Problem, join
from orchestrator.validation.subject import Subject
from orchestrator.validation.variables import variable_problems


def child_variables(subject: Subject) -> Iterator[Problem]:
    """Variables are declared, literals match the declarations, and required ones are present."""
    for path, node in subject.nodes():
        if node.workflow is not None and node.workflow.name in subject.workflows:
            where = join(path, "workflow", "variables")
            values = node.workflow.variables or {}
            declared = subject.workflows[node.workflow.name].variables
            yield from variable_problems(where, values, declared, "the sub-workflow")
