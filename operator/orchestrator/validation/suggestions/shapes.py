"""Values of the wrong type for their field, converted to the right one."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from typing import Any

from orchestrator.validation.suggestions.declarations import declaration, declarations
from orchestrator.validation.suggestions.field_types import DURATIONS, EXPRESSIONS
from orchestrator.validation.suggestions.hints import bare
from orchestrator.validation.suggestions.proposals import (
    approver,
    duration,
    identifier,
    line,
    text_of,
)

_Shape = Callable[[Any], Any]
"""Converts a value to the type of the field; None if unknown."""


class _Hint(str):
    """A complete hint, instead of a value to write."""

    __slots__ = ()


_A_DURATION = "a duration is a number with its unit, such as 30s or 5m"


def hint_for(model: str, field: str, value: Any) -> str:
    """The correct line for a value of the wrong type; empty if unknown."""
    if (model, field) in DURATIONS:
        if isinstance(value, bool):
            return ""
        written = duration(value)
        return line({field: written}) if written else _A_DURATION
    if (model, field) in EXPRESSIONS:
        return _expression(field, value)
    shape = _SHAPES.get((model, field))
    written = None if shape is None else shape(value)
    if isinstance(written, _Hint):
        return written
    return line({field.removesuffix("[]"): written}) if written is not None else ""


def _expression(field: str, value: Any) -> str:
    if isinstance(value, bool):
        return line({field: "true" if value else "false"})
    if isinstance(value, int | float):
        return line({field: str(value)})
    if _scalars(value):
        return line({field: _literal(value)})
    if isinstance(value, list) and value and isinstance(value[0], Mapping):
        return _tekton(field, value[0])
    return ""


_OPERATORS = {"in": "in", "notin": "not in"}


def _tekton(field: str, entry: Mapping[str, Any]) -> str:
    """Tekton's `{input, operator, values}`."""
    operator = _OPERATORS.get(text_of(entry.get("operator")).lower())
    values = entry.get("values")
    if "cel" in entry:
        return line({field: bare(entry["cel"])})
    if operator is None or not isinstance(values, list):
        return ""
    return line(
        {field: f"{bare(entry.get('input'))} {operator} {[text_of(item) for item in values[:4]]}"}
    )


def _scalars(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(x, str | int | float) for x in value[:8])


def _literal(value: list[Any]) -> str:
    """A list as an expression; long strings are truncated."""
    return str([item[:64] if isinstance(item, str) else item for item in value[:8]])


def _limit(value: Any) -> Any:
    return {"limit": value} if type(value) is int else None


def _named(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else None


def _for_each(value: Any) -> Any:
    if _scalars(value):
        return {"values": _literal(value), "as": "item"}
    return {"values": bare(value), "as": "item"} if isinstance(value, str) else None


def _approval(value: Any) -> Any:
    if value is True or value is None:
        return {"approvers": ["group:NAME"]}
    names = value if isinstance(value, list) else [value]
    if not all(isinstance(name, str) for name in names):
        return None
    return {"approvers": [approver(name) for name in names[:4]]}


def _wait(value: Any) -> Any:
    if (time := duration(value)) is not None:
        return _Hint(f"a node that waits for a fixed time is a delay: {line({'delay': time})}")
    if isinstance(value, str):
        return {"signal": value} if value.isidentifier() else {"until": bare(value)}
    return None


def _nodes(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return None
    names = [identifier(text_of(name)) or "NAME" for name in list(value)[:3]]
    return [{"name": name, "action": "NAME"} for name in names] or None


def _edge(value: Any) -> Any:
    parts = value.replace("->", " ").replace("→", " ").split() if isinstance(value, str) else value
    if isinstance(parts, list) and len(parts) == 2 and all(isinstance(x, str) for x in parts):
        return [{"from": identifier(parts[0]), "to": identifier(parts[1])}]
    return None


def _edges(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return None
    found = [
        {"from": identifier(text_of(source)), "to": identifier(target)}
        for source, targets in list(value.items())[:3]
        for target in (targets if isinstance(targets, list) else [targets])[:2]
        if isinstance(target, str)
    ]
    return found or [{"from": "A", "to": "B"}]


def _finally(value: Any) -> Any:
    names = value if isinstance(value, list) else [value]
    found = [
        identifier(text_of(name.get("name"))) or "NODE" if isinstance(name, Mapping) else name
        for name in names[:4]
    ]
    return [name for name in found if isinstance(name, str)] or None


def _outputs(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return None
    return [
        {"name": identifier(text_of(name)) or "NAME", "value": bare(source)}
        for name, source in list(value.items())[:3]
    ] or None


def _map(value: Any) -> Any:
    """A list of names and values as a map."""
    if not isinstance(value, list):
        return None
    found = {
        text_of(item["name"]): item.get("value", "VALUE")
        for item in value[:8]
        if isinstance(item, Mapping) and "name" in item
    }
    return found or None


def _list_of_one(value: Any) -> Any:
    return [value] if isinstance(value, str) else None


def _environment(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return None
    return [
        {"name": text_of(name), "value": text_of(text)} for name, text in list(value.items())[:3]
    ]


def _words(value: Any) -> Any:
    """A command line as its words, as a shell splits it."""
    if not isinstance(value, str):
        return None
    try:
        return shlex.split(value) or None
    except ValueError:  # a quote that nothing closes
        return None


def _command(value: Any) -> Any:
    shell = isinstance(value, str) and any(letter in value for letter in "|&;<>$`*")
    return ["sh", "-c", value] if shell else _words(value)


def _rate_limit(value: Any) -> Any:
    """`10/m`, `10 per hour`."""
    match = _RATE.fullmatch(value) if isinstance(value, str) else None
    return None if match is None else {"limit": int(match[1]), "period": f"1{match[2]}"}


_RATE = re.compile(r"([0-9]{1,6})\s*(?:/|per)\s*1?([smh])\w*")
_SHAPES: dict[tuple[str, str], _Shape] = {
    ("Node", "retry"): _limit,
    ("Defaults", "retry"): _limit,
    ("WorkflowSpec", "concurrency"): _limit,
    ("Node", "workflow"): _named,
    ("Node", "forEach"): _for_each,
    ("Node", "approval"): _approval,
    ("Node", "wait"): _wait,
    ("Node", "repeat"): lambda value: (
        {"until": "EXPRESSION", "limit": value} if type(value) is int else None
    ),
    ("Node", "transform"): lambda value: (
        {"result": bare(value)} if isinstance(value, str) else _map(value)
    ),
    ("Node", "with"): _map,
    ("SubWorkflow", "variables"): _map,
    ("TriggerSpec", "variables"): _map,
    ("Node", "fail"): lambda value: "TEXT" if value in (True, None) else None,
    ("Node", "action"): lambda value: (
        value.get("name", "NAME") if isinstance(value, Mapping) else None
    ),
    ("WorkflowSpec", "variables"): declarations,
    ("WorkflowSpec", "variables[]"): declaration,
    ("WorkflowSpec", "nodes"): _nodes,
    ("WorkflowSpec", "edges"): _edges,
    ("WorkflowSpec", "edges[]"): _edge,
    ("WorkflowSpec", "finally"): _finally,
    ("WorkflowSpec", "finally[]"): _finally,
    ("WorkflowSpec", "outputs"): _outputs,
    ("WorkflowSpec", "defaults"): lambda _: None,
    ("TemplateSpec", "parameters"): declarations,
    ("TemplateSpec", "parameters[]"): declaration,
    ("TemplateSpec", "outputs"): lambda value: (
        [{"name": text_of(name), "type": "string"} for name in list(value)[:3]]
        if isinstance(value, Mapping)
        else None
    ),
    ("Action", "env"): _environment,
    ("Action", "command"): _command,
    ("Action", "args"): _words,
    ("Action", "script"): lambda value: (
        {"interpreter": "sh", "source": value} if isinstance(value, str) else None
    ),
    ("TriggerSpec", "schedule"): lambda value: {"cron": value} if isinstance(value, str) else None,
    ("TriggerSpec", "workflow"): lambda value: (
        value.get("name", "NAME") if isinstance(value, Mapping) else None
    ),
    ("TriggerSpec", "execution"): lambda value: (
        {"workflow": value} if isinstance(value, str) else None
    ),
    ("Approval", "approvers"): lambda value: [approver(value)] if isinstance(value, str) else None,
    ("Retry", "reasons"): _list_of_one,
    ("Retry", "backoff"): lambda value: (
        {"initial": initial} if (initial := duration(value)) is not None else None
    ),
    ("ExecutionSpec", "variables"): _map,
    ("TriggerSpec", "rateLimit"): _rate_limit,
    ("ForEach", "gather"): _list_of_one,
    ("ExecutionEnded", "phases"): _list_of_one,
    ("Workspace", "size"): lambda value: f"{value}Gi" if type(value) is int else None,
}
"""By model and field; `[]` is an entry of a list."""
