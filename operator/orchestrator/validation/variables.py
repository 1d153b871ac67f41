"""Resolves the variables of an execution and the parameters of a node: checks the values, and
applies the defaults."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from orchestrator.expressions import ExpressionError, SecretValue, compile_text
from orchestrator.models.base import Json, ValueType
from orchestrator.models.nearest import did_you_mean
from orchestrator.models.template import TemplateSpec
from orchestrator.models.workflow import Value, Variable, WorkflowSpec
from orchestrator.validation.problem import MAX_PROBLEMS, Problem, join
from orchestrator.validation.values import check_value

__all__ = ["check_value", "resolve_parameters", "resolve_variables", "variable_problems"]

Values = dict[str, Json | SecretValue]


def resolve_variables(
    spec: WorkflowSpec, provided: Mapping[str, Json]
) -> tuple[Values, list[Problem]]:
    """The value of every variable that has one, and the problems of the provided values.

    A variable without a value or default is absent; null counts as no value. Secret variables
    become SecretValues and cannot be provided.
    """
    known = {variable.name for variable in spec.variables}
    unknown = islice((name for name in provided if name not in known), MAX_PROBLEMS)
    problems = [
        Problem(join("spec.variables", name), _unknown(name, spec.variables)) for name in unknown
    ]
    values: Values = {}
    for variable in spec.variables:
        path = join("spec.variables", variable.name)
        if variable.type is ValueType.SECRET:
            if variable.secret_key_ref is not None:
                reference = variable.secret_key_ref
                values[variable.name] = SecretValue(reference.name, reference.key)
            if provided.get(variable.name) is not None:
                problems.append(Problem(path, _SET_BY_REFERENCE))
            continue
        problems += _resolve(variable, provided.get(variable.name), path, "variable", values)
    return values, problems[:MAX_PROBLEMS]


def resolve_parameters(
    template: TemplateSpec, rendered: Mapping[str, Json]
) -> tuple[Values, list[Problem]]:
    """The value of every parameter that has one, and problems; paths begin with `with`."""
    names = {parameter.name: None for parameter in template.parameters}
    unknown = islice((name for name in rendered if name not in names), MAX_PROBLEMS)
    problems = [
        Problem(join("with", name), f"there is no parameter {name!r}{did_you_mean(name, names)}")
        for name in unknown
    ]
    values: Values = {}
    for parameter in template.parameters:
        path = join("with", parameter.name)
        problems += _resolve(parameter, rendered.get(parameter.name), path, "parameter", values)
    return values, problems[:MAX_PROBLEMS]


def variable_problems(
    path: str, provided: Mapping[str, Json], declared: Sequence[Variable], workflow: str
) -> Iterator[Problem]:
    """Problems of the variables provided to a workflow, whose strings may contain expressions.

    They must be declared, literals must fit the declarations, and no required one may be missing.
    """
    variables = {variable.name: variable for variable in declared}
    for name, value in provided.items():
        variable = variables.get(name)
        if variable is None:
            hint = did_you_mean(name, variables) or ("" if variables else "; it declares none")
            yield Problem(join(path, name), f"{workflow} has no variable {name[:64]!r}{hint}")
        elif variable.type is ValueType.SECRET:
            message = f"is a secret of {workflow}, which gets it from its own secretKeyRef"
            yield Problem(join(path, name), message)
        elif value is not None and _literal(value) and (wrong := check_value(value, variable)):
            yield Problem(join(path, name), wrong)
    for variable in declared:
        if variable.required and variable.default is None and provided.get(variable.name) is None:
            message = f"is required: {workflow}'s variable {variable.name} has no default"
            yield Problem(join(path, variable.name), message)


def _literal(value: Json) -> bool:
    """Whether it contains no expression."""
    match value:
        case str():
            try:
                return not compile_text(value).expressions
            except ExpressionError:
                return False  # the rule on expressions reports it
        case list():
            return all(_literal(item) for item in value)
        case dict():
            return all(_literal(item) for item in value.values())
        case _:
            return True


_SET_BY_REFERENCE = (
    "is a secret: it comes from secretKeyRef in the Workflow, and nothing that starts an"
    " execution can set it"
)


def _resolve(declared: Value, value: Json, path: str, noun: str, values: Values) -> list[Problem]:
    if value is None:
        value = declared.default
    if value is None:
        if declared.required:
            return [Problem(path, f"is required: the {noun} has no default")]
        return []
    wrong = check_value(value, declared)
    values[declared.name] = value
    return [Problem(path, wrong)] if wrong else []


def _unknown(name: str, variables: list[Variable]) -> str:
    names = [variable.name for variable in variables if variable.type is not ValueType.SECRET]
    return f"the workflow has no variable {name[:64]!r}{did_you_mean(name, names)}"
