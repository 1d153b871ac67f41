"""Sub-workflows: they get the variables that they declare, where it is known which these are."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.expressions import ExpressionError, compile_text
from orchestrator.models.base import Json, ValueType
from orchestrator.models.nearest import did_you_mean
from orchestrator.models.workflow import Variable, WorkflowSpec
from orchestrator.validation.problem import Problem, join
from orchestrator.validation.subject import Subject
from orchestrator.validation.values import check_value


def child_variables(subject: Subject) -> Iterator[Problem]:
    """Given variables are declared and literals fit them; required ones are given."""
    for path, node in subject.nodes():
        if node.workflow is not None and node.workflow.name in subject.workflows:
            where = join(path, "workflow", "variables")
            given = node.workflow.variables or {}
            yield from _variables(where, given, subject.workflows[node.workflow.name])


def _variables(path: str, given: dict[str, Json], child: WorkflowSpec) -> Iterator[Problem]:
    declared = {variable.name: variable for variable in child.variables}
    for name, value in given.items():
        variable = declared.get(name)
        if variable is None:
            hint = did_you_mean(name, list(declared))
            yield Problem(join(path, name), f"the sub-workflow has no variable {name!r}{hint}")
        elif variable.type is ValueType.SECRET:
            message = "is a secret of the sub-workflow, which binds it itself, by secretKeyRef"
            yield Problem(join(path, name), message)
        elif value is not None and _literal(value) and (wrong := check_value(value, variable)):
            yield Problem(join(path, name), wrong)
    for variable in child.variables:
        if _lacking(variable, given):
            message = f"is required: the sub-workflow's variable {variable.name} has no default"
            yield Problem(join(path, variable.name), message)


def _lacking(variable: Variable, given: dict[str, Json]) -> bool:
    return variable.required and variable.default is None and given.get(variable.name) is None


def _literal(value: Json) -> bool:
    """Whether no expression stands in it."""
    match value:
        case str():
            try:
                return not compile_text(value).expressions
            except ExpressionError:
                return False  # the rule on expressions says what is wrong
        case list():
            return all(_literal(item) for item in value)
        case dict():
            return all(_literal(item) for item in value.values())
        case _:
            return True
