"""Templates of whole workflows, checked by the rules for Workflows.

A parameter has no value yet: it is replaced by an expression with an unknown value, so that the
rules check the rest as in a Workflow.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import islice

from orchestrator.expressions import Expression, ExpressionError, Text, compile_text
from orchestrator.expressions.text import CLOSE, OPEN
from orchestrator.models.base import Json, ValueType
from orchestrator.models.template import TemplateSpec
from orchestrator.models.workflow import Variable, WorkflowSpec
from orchestrator.validation.parameterized import (
    PARAMS,
    ROOT,
    is_text,
    map_strings,
    reads_params,
    variable_of,
)
from orchestrator.validation.parse import parse
from orchestrator.validation.problem import MAX_PROBLEMS, Problem
from orchestrator.validation.rules.rendering import wrong_parameter
from orchestrator.validation.workflow import validate_workflow

_UNKNOWN = f"{OPEN} event {CLOSE}"
"""An expression that every string may contain, and whose value is unknown to all rules."""


def validate_whole_workflow(
    spec: TemplateSpec, templates: Mapping[str, TemplateSpec], assumed: Collection[str]
) -> list[Problem]:
    """Problems of the workflow of a Template, at most 50.

    `templates` and `assumed` are the actions, as in `validate_workflow`.
    """
    problems = [*_action_fields(spec), *_secret_parameters(spec)]
    substitution = _Substitution(spec)
    raw = substitution.workflow()
    problems += substitution.problems
    if not problems:
        workflow = parse(WorkflowSpec, raw, ROOT)
        if isinstance(workflow, list):
            return workflow
        for problem in validate_workflow(workflow, templates, assumed=assumed):
            path = ROOT + problem.path.removeprefix("spec")
            problems.append(Problem(path, problem.message))
    return list(islice(problems, MAX_PROBLEMS))


def _action_fields(spec: TemplateSpec) -> Iterator[Problem]:
    """Fields that only the Template of an action has."""
    if spec.outputs:
        yield Problem("spec.outputs", f"are those of an action; a workflow has {ROOT}.outputs")
    if spec.permanent_exit_codes:
        yield Problem("spec.permanentExitCodes", "are those of an action's container")
    if spec.rights:
        yield Problem("spec.rights", "are those of an action; each Template declares its own")


def _secret_parameters(spec: TemplateSpec) -> Iterator[Problem]:
    for i, parameter in enumerate(spec.parameters):
        if parameter.type is ValueType.SECRET:
            message = (
                f"a Workflow is created from plain values; declare a variable of type"
                f" secret in {ROOT}.variables"
            )
            yield Problem(f"spec.parameters[{i}].type", message)


class _Substitution:
    """Replaces each parameter by a stand-in, and collects problems of their use."""

    def __init__(self, spec: TemplateSpec) -> None:
        self._spec = spec
        self.problems: list[Problem] = []

    def workflow(self) -> Json:
        """The spec that the rules for Workflows can check."""
        assert self._spec.workflow is not None
        raw = self._spec.workflow.model_dump(mode="json", by_alias=True, exclude_unset=True)
        return map_strings(raw, self._replace)

    def _replace(self, path: str, source: str) -> Json:
        try:
            text = compile_text(source)
        except ExpressionError as error:
            if is_text(path):
                return source  # the rule on expressions reports it
            self.problems.append(Problem(path, str(error)))
            return source
        if not any(map(reads_params, text.expressions)):
            return source
        self.problems += self._wrong(path, text)
        index = variable_of(path)
        if index is not None:
            self.problems += self._wrong_default(path, text, index)
            return None
        return _stand_in(text) if is_text(path) else source

    def _wrong(self, path: str, text: Text) -> Iterator[Problem]:
        if path.endswith(".action"):
            yield Problem(path, "the action of a node cannot be a parameter")
        for expression in filter(reads_params, text.expressions):
            others = sorted({each[0] for each in expression.references} - {PARAMS})
            if others:
                yield Problem(path, _mixed(expression, others[0]))
            for reference in sorted(expression.references):
                message = wrong_parameter(reference[1:], self._spec)
                if reference[0] == PARAMS and message is not None:
                    yield Problem(path, message)

    def _wrong_default(self, path: str, text: Text, index: int) -> Iterator[Problem]:
        assert self._spec.workflow is not None
        variable = self._spec.workflow.variables[index]
        type_ = self._type(text)
        if type_ is not None and not _fits(type_, variable):
            message = (
                f"is of type {type_.value}; the variable {variable.name} is of type"
                f" {variable.type.value}"
            )
            yield Problem(path, message)

    def _type(self, text: Text) -> ValueType | None:
        """The type of a string with parameters; None if unknown."""
        if text.whole is None:
            return ValueType.STRING
        reference = text.whole.whole_reference
        types = {parameter.name: parameter.type for parameter in self._spec.parameters}
        return types.get(reference[1]) if reference and len(reference) == 2 else None


def _fits(type_: ValueType, variable: Variable) -> bool:
    return type_ is variable.type or (type_, variable.type) == (
        ValueType.INTEGER,
        ValueType.NUMBER,
    )


def _mixed(expression: Expression, other: str) -> str:
    return (
        f"{expression.source!r} reads params, which are known when the Workflow is created, and"
        f" {other}, which is known when it runs: write two expressions"
    )


def _stand_in(text: Text) -> str:
    parts = (
        part.replace(OPEN, f"${OPEN}")
        if isinstance(part, str)
        else _UNKNOWN
        if reads_params(part)
        else f"{OPEN} {part.source} {CLOSE}"
        for part in text.parts
    )
    return "".join(parts)
