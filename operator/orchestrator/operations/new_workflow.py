"""Creates a Workflow from a Template of a whole workflow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.expressions import ExpressionError, Text, compile_text
from orchestrator.expressions.bounds import to_text
from orchestrator.expressions.text import CLOSE, OPEN
from orchestrator.models.base import API_VERSION, Json
from orchestrator.models.template import TemplateSpec
from orchestrator.operations.errors import CommandError
from orchestrator.validation.naming import workflow_name
from orchestrator.validation.parameterized import is_text, map_strings, reads_params
from orchestrator.validation.parse import parse
from orchestrator.validation.problem import Problem
from orchestrator.validation.template import validate_template
from orchestrator.validation.variables import resolve_parameters


def new_workflow(
    name: str, template: Mapping[str, Any], given: Mapping[str, Json]
) -> dict[str, Any]:
    """The manifest of a Workflow with this name. Raises CommandError with the problems.

    `template` is the spec of a Template or ClusterTemplate, `given` are the values of its
    parameters. Problems with these have paths that begin with `params`, problems with the Template
    begin with `spec`. The Workflow itself is not validated: that requires the Templates that it
    uses.
    """
    spec = parse(TemplateSpec, dict(template))
    if isinstance(spec, list):
        raise CommandError(*spec)
    if spec.workflow is None:
        message = "is an action, not a whole workflow: name it in a node's action"
        raise CommandError(Problem("spec", message))
    if problems := [*workflow_name(name), *validate_template(spec)]:
        raise CommandError(*problems)
    values, wrong = resolve_parameters(spec, given)
    if wrong:
        paths = [f"params{each.path.removeprefix('with')}" for each in wrong]
        raise CommandError(*map(Problem, paths, [each.message for each in wrong]))
    rendering = _Rendering({"params": values})
    workflow = map_strings(dict(template["workflow"]), rendering.change)
    if rendering.problems:
        raise CommandError(*rendering.problems)
    return {
        "apiVersion": API_VERSION,
        "kind": "Workflow",
        "metadata": {"name": name},
        "spec": workflow,
    }


class _Rendering:
    """Replaces the expressions that read the parameters, and nothing else."""

    def __init__(self, scope: Mapping[str, Any]) -> None:
        self._scope = scope
        self.problems: list[Problem] = []

    def change(self, path: str, source: str) -> Json:
        """The string with its parameters replaced."""
        try:
            text = compile_text(source)
            if not any(map(reads_params, text.expressions)):
                return source
            if text.whole is not None:
                value = text.whole.evaluate(self._scope)
                return _escaped(value) if is_text(path) else value
            return self._rendered(text, evaluated_later=is_text(path))
        except ExpressionError as error:
            self.problems.append(Problem(path, str(error)))
            return source

    def _rendered(self, text: Text, *, evaluated_later: bool) -> str:
        rendered = literal = ""
        for part in text.parts:
            if isinstance(part, str):
                literal += part
            elif reads_params(part):
                literal += to_text(part.evaluate(self._scope))
            else:
                if literal.endswith("$"):  # with the next character it would be an escape
                    raise ExpressionError(f"a $ cannot stand right before {OPEN}")
                kept = f"{OPEN} {part.source} {CLOSE}"
                rendered += (_escaped(literal) if evaluated_later else literal) + kept
                literal = ""
        return rendered + (_escaped(literal) if evaluated_later else literal)


def _escaped(value: Json) -> Any:
    """A value whose strings contain no expressions for the Workflow: no value becomes code."""
    match value:
        case str():
            return value.replace(OPEN, f"${OPEN}")
        case list():
            return [_escaped(item) for item in value]
        case dict():
            return {key: _escaped(item) for key, item in value.items()}
        case _:
            return value
