"""Sub-workflows get the variables that they declare, if the sub-workflow is known."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.validation.problem import Problem, join
from orchestrator.validation.subject import Subject
from orchestrator.validation.variables import given_problems


def child_variables(subject: Subject) -> Iterator[Problem]:
    """Given variables are declared, literals fit them, and required ones are given."""
    for path, node in subject.nodes():
        if node.workflow is not None and node.workflow.name in subject.workflows:
            where = join(path, "workflow", "variables")
            given = node.workflow.variables or {}
            declared = subject.workflows[node.workflow.name].variables
            yield from given_problems(where, given, declared, "the sub-workflow")
