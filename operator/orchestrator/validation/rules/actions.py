"""Actions exist, and their parameters are declared and valid."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.expressions import ExpressionError, compile_text
from orchestrator.expressions.text import OPEN
from orchestrator.models.base import Json, ValueType
from orchestrator.models.nearest import did_you_mean
from orchestrator.models.template import Parameter
from orchestrator.models.workflow import Node
from orchestrator.validation.missing import unknown_action
from orchestrator.validation.problem import Problem, join
from orchestrator.validation.subject import Subject
from orchestrator.validation.values import check_size, check_type, check_value

_MAX_LISTED = 12
"""Maximum number of parameters that a message lists."""


def known_actions(subject: Subject) -> Iterator[Problem]:
    """An action is a ClusterTemplate or a Template of the namespace, not of a whole workflow."""
    for path, node in subject.nodes():
        if node.action is None or node.action in subject.assumed:
            continue
        template = subject.templates.get(node.action)
        if template is None:
            yield Problem(join(path, "action"), unknown_action(node.action, subject.templates))
        elif template.action is None:
            message = f"{node.action!r} is a template of a whole workflow, not of an action"
            yield Problem(join(path, "action"), message)


def parameters(subject: Subject) -> Iterator[Problem]:
    """Parameters are declared, required ones are present, and literals have the right type."""
    for path, node in subject.nodes():
        template = subject.templates.get(node.action or "")
        if template is not None:
            yield from _parameters(join(path, "with"), node, template.parameters, subject)


def _parameters(
    path: str, node: Node, parameters: list[Parameter], subject: Subject
) -> Iterator[Problem]:
    values = {name: value for name, value in (node.with_ or {}).items() if value is not None}
    declared = {parameter.name: parameter for parameter in parameters}
    for name, value in values.items():
        if name not in declared:
            near = did_you_mean(name, declared)
            if not near and 0 < len(declared) <= _MAX_LISTED:
                near = f"; it has {', '.join(declared)}"
            message = f"{node.action!r} has no parameter {name!r}{near}"
            yield Problem(join(path, name), message)
            continue
        wrong = _wrong(value, declared[name], subject)
        if wrong is not None:
            yield Problem(join(path, name), wrong)
    for parameter in parameters:
        if parameter.required and parameter.default is None and parameter.name not in values:
            yield Problem(path, f"{node.action!r} requires the parameter {parameter.name!r}")


def _wrong(value: Json, parameter: Parameter, subject: Subject) -> str | None:
    """The problem of a parameter's value, or None if there is none before the run."""
    if parameter.type is ValueType.SECRET:
        return _not_a_secret(value, subject)
    if isinstance(value, str) and OPEN in value:
        return _secret_elsewhere(value, subject) or _wrong_text(value, parameter)
    if _has_expressions(value):
        return check_type(value, parameter.type) or check_size(value)
    return check_value(value, parameter)


def _wrong_text(value: str, parameter: Parameter) -> str | None:
    try:
        text = compile_text(value)
    except ExpressionError:
        return None  # the rule on expressions reports it
    if text.whole is None and parameter.type is not ValueType.STRING:
        return f"must be {parameter.type.value}; an expression with text around it is a string"
    return None


def _not_a_secret(value: Json, subject: Subject) -> str | None:
    names = _secrets(subject)
    if isinstance(value, str) and secret_variable(value) in names:
        return None
    example = names[0] if names else "NAME"
    return f"takes only a secret variable; write '$[[ vars.{example} ]]'"


def _secret_elsewhere(value: str, subject: Subject) -> str | None:
    name = secret_variable(value)
    if name is None or name not in _secrets(subject):
        return None
    return f"is not of type secret, so it cannot take the secret vars.{name}"


def _secrets(subject: Subject) -> list[str]:
    return [name for name, v in subject.variables.items() if v.type is ValueType.SECRET]


def secret_variable(value: str) -> str | None:
    """NAME if the string is exactly `$[[ vars.NAME ]]`, else None."""
    try:
        whole = compile_text(value).whole
    except ExpressionError:
        return None
    reference = whole.whole_reference if whole is not None else None
    return reference[1] if reference and len(reference) == 2 and reference[0] == "vars" else None


def _has_expressions(value: Json) -> bool:
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, str) and OPEN in item:
            return True
        if isinstance(item, dict):
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)
    return False


def script_texts(subject: Subject) -> Iterator[Problem]:
    """No value becomes code: the script of run-script contains no expression."""
    for path, node in subject.nodes():
        script = (node.with_ or {}).get("script")
        if node.action == "run-script" and isinstance(script, str) and OPEN in script:
            yield Problem(
                join(path, "with", "script"),
                f"a script must not contain {OPEN} ]]: pass values in env or args",
            )
