"""Expressions of a Template: the fields that may contain them, and the names they can use."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.expressions import ExpressionError, compile_text
from orchestrator.expressions.text import OPEN
from orchestrator.models.base import ValueType
from orchestrator.models.nearest import did_you_mean
from orchestrator.models.pod import Action
from orchestrator.models.template import TemplateSpec
from orchestrator.validation.expression_fields import strings
from orchestrator.validation.problem import Problem
from orchestrator.validation.rules.references import EXECUTION, WORKFLOW, unknown_key

RENDERED = ("image", "command", "args", "env", "workingDir")
"""The fields of an action that are rendered; in env, only the values."""
MAX_EXPRESSIONS = 500
"""Maximum number of expressions of a Template: all are evaluated for each Job."""
_KEYS = {
    "runner": ("image",),
    "execution": EXECUTION,
    "workflow": WORKFLOW,
    "node": ("name", "attempt", "iteration", "key"),
}
_ROOTS = ("params", "runner", "execution", "workflow", "node", "index")


def expressions(spec: TemplateSpec) -> Iterator[Problem]:
    """Every expression is valid and every reference resolves."""
    if spec.action is None:
        return
    count = 0
    for path, source in rendered_fields(spec.action):
        try:
            text = compile_text(source)
        except ExpressionError as error:
            yield Problem(path, str(error))
            continue
        references, count = text.references, count + len(text.expressions)
        if count > MAX_EXPRESSIONS:
            yield Problem("spec.action", f"has more than {MAX_EXPRESSIONS} expressions")
            return
        for reference in sorted(references):
            message = wrong_in_template(reference, spec)
            if message is not None:
                yield Problem(path, message)


def literal_fields(spec: TemplateSpec) -> Iterator[Problem]:
    """Only rendered fields contain expressions; a script may contain any text."""
    if spec.action is None:
        return
    rendered = {path for path, _ in rendered_fields(spec.action)}
    raw = spec.action.model_dump(by_alias=True, exclude_none=True, exclude={"script"})
    for path, text in strings("spec.action", raw):
        if OPEN in text and path not in rendered:
            message = f"expressions are rendered in {', '.join(RENDERED)} only"
            yield Problem(path, message)


def rendered_fields(action: Action) -> Iterator[tuple[str, str]]:
    """The rendered strings of an action, by path."""
    if action.image is not None:
        yield "spec.action.image", action.image
    if action.working_dir is not None:
        yield "spec.action.workingDir", action.working_dir
    for field, lines in (("command", action.command), ("args", action.args)):
        for i, line in enumerate(lines or []):
            yield f"spec.action.{field}[{i}]", line
    for i, entry in enumerate(action.env or []):
        if entry.value is not None:
            yield f"spec.action.env[{i}].value", entry.value


def wrong_in_template(reference: tuple[str, ...], spec: TemplateSpec) -> str | None:
    """The problem of a reference in a Template, or None."""
    root, rest = reference[0], reference[1:]
    if root == "params":
        return wrong_parameter(rest, spec)
    if root == "vars":
        return "vars is known in Workflows only; a Template has params"
    if root not in _ROOTS:
        hint = did_you_mean(root, _ROOTS) or f"; there is {', '.join(_ROOTS)}"
        return f"there is no {root!r}{hint}"
    return unknown_key(root, rest, _KEYS[root]) if root in _KEYS else None


def wrong_parameter(rest: tuple[str, ...], spec: TemplateSpec) -> str | None:
    """The problem of a reference below `params` to a secret or to no parameter, or None."""
    types = {parameter.name: parameter.type for parameter in spec.parameters}
    if not rest:
        return None
    if rest[0] not in types:
        hint = did_you_mean(rest[0], types) or ("" if types else "; none is declared")
        return f"there is no parameter {rest[0]!r}{hint}"
    if types[rest[0]] is ValueType.SECRET:
        variable = f"PARAM_{rest[0].upper()}"
        return f"params.{rest[0]} is a secret: it reaches the container as ${variable} only"
    return None
