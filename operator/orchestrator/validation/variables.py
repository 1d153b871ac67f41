"""The initial values of an execution or a node: given ones are checked, defaults applied."""

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

__all__ = ["check_value", "given_problems", "resolve_parameters", "resolve_variables"]

Values = dict[str, Json | SecretValue]


def resolve_variables(
    spec: WorkflowSpec, given: Mapping[str, Json]
) -> tuple[Values, list[Problem]]:
    """The value of every variable that has one, and the problems of those given.

    A variable that is not given and has no default is absent; null counts as not given.
    Secret variables become SecretValues and cannot be given.
    """
    known = {variable.name for variable in spec.variables}
    unknown = islice((name for name in given if name not in known), MAX_PROBLEMS)
    problems = [
        Problem(join("spec.variables", name), _refused(name, spec.variables)) for name in unknown
    ]
    values: Values = {}
    for variable in spec.variables:
        path = join("spec.variables", variable.name)
        if variable.type is ValueType.SECRET:
            if variable.secret_key_ref is not None:
                reference = variable.secret_key_ref
                values[variable.name] = SecretValue(reference.name, reference.key)
            if given.get(variable.name) is not None:
                problems.append(Problem(path, _BOUND))
            continue
        problems += _resolve(variable, given.get(variable.name), path, "variable", values)
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


def given_problems(
    path: str, given: Mapping[str, Json], declared: Sequence[Variable], workflow: str
) -> Iterator[Problem]:
    """Problems of variables given to a workflow, whose strings may contain expressions.

    They are declared, literals fit them, and the required ones are given.
    """
    variables = {variable.name: variable for variable in declared}
    for name, value in given.items():
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
        if variable.required and variable.default is None and given.get(variable.name) is None:
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


_BOUND = (
    "is a secret: it comes from secretKeyRef in the Workflow, and nothing that starts an"
    " execution can set it"
)


def _resolve(declared: Value, value: Json, path: str, what: str, values: Values) -> list[Problem]:
    if value is None:
        value = declared.default
    if value is None:
        if declared.required:
            return [Problem(path, f"is required: the {what} has no default")]
        return []
    wrong = check_value(value, declared)
    values[declared.name] = value
    return [Problem(path, wrong)] if wrong else []


def _refused(name: str, variables: list[Variable]) -> str:
    names = [variable.name for variable in variables if variable.type is not ValueType.SECRET]
    return f"the workflow has no variable {name[:64]!r}{did_you_mean(name, names)}"
