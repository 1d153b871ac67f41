"""Expressions are valid, and their references exist and are known when they are evaluated."""

from __future__ import annotations

import re
from collections.abc import Iterator

from orchestrator.expressions import ExpressionError
from orchestrator.expressions.corrections import write_nulls
from orchestrator.models.base import ValueType
from orchestrator.models.nearest import did_you_mean
from orchestrator.models.workflow import Node
from orchestrator.validation.expression_fields import ExpressionField, expression_fields
from orchestrator.validation.problem import Problem
from orchestrator.validation.rules.actions import secret_variable
from orchestrator.validation.rules.edges import unknown_node
from orchestrator.validation.subject import Subject
from orchestrator.validation.suggestions import paths

NODE = (
    "phase",
    "reason",
    "outputs",
    "message",
    "exitCode",
    "attempts",
    "startedAt",
    "finishedAt",
)
EXECUTION = ("name", "namespace", "uid", "trigger", "requester", "startedAt")
_AT_THE_END = ("phase", "failures")
WORKFLOW = ("name", "namespace")
_ELSEWHERE = {
    "now": "is known in wait.until only",
    "index": "is known in the parameters of a node with forEach only",
    "params": "is known in Templates only; here variables are vars.NAME",
    "runner": "is known in Templates only",
    "node": "is known in Templates only; a node is nodes.NAME",
    "trigger": "is known in Triggers only; here it is execution.trigger",
    "nodes": "is not known here: no node has started",
}
MAX_EXPRESSIONS = 10_000
"""Maximum number of expressions of a workflow: parsing each takes up to a millisecond."""
_PARAMETER = re.compile(r"spec\.nodes\[\d+\]\.with(\.[A-Za-z0-9_]+|\['[^']*'\])")
Reference = tuple[str, ...]


def expressions(subject: Subject) -> Iterator[Problem]:
    """Every expression is valid and every reference resolves."""
    count = 0
    for field in expression_fields(subject):
        try:
            parsed = field.expressions()
        except ExpressionError as error:
            yield Problem(field.path, str(error))
            continue
        count += len(parsed)
        if count > MAX_EXPRESSIONS:
            yield Problem("spec", f"has more than {MAX_EXPRESSIONS:,} expressions; split it")
            return
        messages = (
            wrong_reference(reference, field, subject, each.source)
            for each in parsed
            for reference in sorted(each.references)
        )
        for message in dict.fromkeys(messages):
            if message is not None:
                yield Problem(field.path, message)


def wrong_reference(
    reference: Reference, field: ExpressionField, subject: Subject, source: str
) -> str | None:
    """The problem of a reference in this field, or None."""
    root, rest = reference[0], reference[1:]
    if root in field.free:
        return None
    if root not in field.roots:
        if root in _ELSEWHERE:
            return f"{root} {_ELSEWHERE[root]}"
        return f"there is no {root!r}{_suggestion(reference, field, subject, source)}"
    match root:
        case "vars":
            return _wrong_variable(rest, field, subject)
        case "nodes":
            return _wrong_node(rest, field, subject)
        case "execution":
            return _wrong_execution(rest, field)
        case "workflow":
            return unknown_key("workflow", rest, WORKFLOW)
    return None


def _suggestion(reference: Reference, field: ExpressionField, subject: Subject, source: str) -> str:
    """The probable meaning of a reference with an unknown root."""
    root, *rest = reference
    if (corrected := write_nulls(source)) != source:
        return f"; {paths.ROOTS.get(root, 'null is written none')}: write `{corrected}`"
    if root in subject.variables and "vars" in field.roots:
        return f"; a variable is read as `{'.'.join(('vars', root, *rest))}`"
    if root in subject.index and "nodes" in field.roots:
        return f"; a node is read as `{'.'.join(('nodes', root, *rest))}`"
    if near := did_you_mean(root, sorted(field.roots | field.free)):
        return near
    path = ".".join(reference)
    translated = paths.translate(path)
    write = f": write `{translated}`" if translated != path else ""
    if root in paths.ROOTS or write:
        return f"; {paths.ROOTS.get(root, 'it has another name here')}{write}"
    if root == source.strip():
        return f"; a string is quoted: write `'{root}'`"
    return f"; there is {', '.join(sorted(field.roots | field.free))}"


def unknown_key(owner: str, rest: Reference, keys: tuple[str, ...]) -> str | None:
    """The message for a key that an object with known keys does not have, or None if it has it."""
    if not rest or rest[0] in keys:
        return None
    other = paths.KEYS.get(rest[0], "") if keys is NODE else ""
    if keys is WORKFLOW and (other := paths.KEYS_OF_WORKFLOW.get(rest[0], "")):
        path = ".".join((owner, *rest))
        translated = paths.translate(path)
        other += f": write `{translated}`" if translated != path else ""
    near = did_you_mean(rest[0], keys) or f"; there is {', '.join(keys)}"
    return f"{owner} has no key {rest[0]!r}{f'; {other}' if other else near}"


def _wrong_variable(rest: Reference, field: ExpressionField, subject: Subject) -> str | None:
    if not rest:
        return None
    variable = subject.variables.get(rest[0])
    if variable is None:
        names = list(subject.variables)
        hint = did_you_mean(rest[0], names) or ("" if names else "; none is declared")
        return f"there is no variable {rest[0]!r}{hint}"
    if variable.type is not ValueType.SECRET:
        return None
    if _PARAMETER.fullmatch(field.path) and secret_variable(field.source) == rest[0]:
        return None
    return (
        f"vars.{rest[0]} is a secret: it can only be a whole parameter of an action:"
        f" '$[[ vars.{rest[0]} ]]'"
    )


def _wrong_execution(rest: Reference, field: ExpressionField) -> str | None:
    if rest and rest[0] in _AT_THE_END and not field.final:
        return f"execution.{rest[0]} is known in nodes of finally only"
    keys = EXECUTION + _AT_THE_END if field.final else EXECUTION
    return unknown_key("execution", rest, keys)


def _wrong_node(rest: Reference, field: ExpressionField, subject: Subject) -> str | None:
    if not rest:
        return "name the node: nodes.NAME"
    name = rest[0]
    node = subject.node(name)
    if node is None:
        return unknown_node(name, subject)
    if not field.nodes >> subject.index[name] & 1:
        return _not_upstream(name, field)
    message = unknown_key(f"nodes.{name}", rest[1:], NODE)
    if message is None and len(rest) > 2 and rest[1] == "outputs":
        return _wrong_output(name, node, rest[2], subject)
    return message


def _not_upstream(name: str, field: ExpressionField) -> str:
    if name == field.owner:
        return f"node {name!r} cannot read itself"
    if field.final:
        return f"node {name!r} is in finally as well: it may not have ended"
    if field.path.startswith("spec.edges"):
        return f"node {name!r} is neither the edge's source nor upstream of it"
    return (
        f"node {name!r} is not upstream of {field.owner!r}, so it may not have ended; add edges"
        f" from {name!r} to {field.owner!r}"
    )


def _wrong_output(name: str, node: Node, output: str, subject: Subject) -> str | None:
    declared = _outputs(node, subject)
    if declared is None or output in declared:
        return None
    if not declared:
        return f"node {name!r} has no outputs"
    hint = did_you_mean(output, declared) or f"; it has {', '.join(declared)}"
    return f"node {name!r} has no output {output!r}{hint}"


def _outputs(node: Node, subject: Subject) -> list[str] | None:
    """The names of a node's outputs; None if they are not known before the run."""
    if node.action is not None:
        template = subject.templates.get(node.action)
        if template is None:
            return None
        names = [output.name for output in template.outputs]
        gathered = node.for_each.gather or [] if node.for_each else names
        return [output for output in names if output in gathered]
    if node.condition is not None:
        return ["result"]
    if node.transform is not None:
        return list(node.transform)
    if node.approval is not None:
        return ["decision", "by", "inputs"]
    if node.wait is not None:
        return ["payload", "by", "id"] if node.wait.signal is not None else []
    if node.workflow is not None and node.workflow.name in subject.workflows:
        names = [output.name for output in subject.workflows[node.workflow.name].outputs]
        gathered = node.for_each.gather or [] if node.for_each else names
        return [output for output in names if output in gathered]
    return [] if node.delay is not None or node.fail is not None else None
