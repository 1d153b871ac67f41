"""Values whose shape does not fit the field, and the same value in the right shape."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from orchestrator.validation.familiar.field_types import DURATIONS, EXPRESSIONS
from orchestrator.validation.familiar.hints import bare
from orchestrator.validation.familiar.proposals import approver, duration, identifier, line, text_of

_Shape = Callable[[Any], Any]
"""Converts a value to the right shape; None if unknown."""


class _Words(str):
    """What to write instead, in words."""

    __slots__ = ()


def hint_for(model: str, field: str, given: Any) -> str:
    """The line to write instead of this value; empty if unknown."""
    if (model, field) in DURATIONS:
        written = duration(given)
        return line({field: written}) if written else ""
    if (model, field) in EXPRESSIONS:
        return _expression(field, given)
    shape = _SHAPES.get((model, field))
    written = None if shape is None else shape(given)
    if isinstance(written, _Words):
        return written
    return line({field.removesuffix("[]"): written}) if written is not None else ""


def _expression(field: str, given: Any) -> str:
    if isinstance(given, bool):
        return line({field: "true" if given else "false"})
    if isinstance(given, int | float):
        return line({field: str(given)})
    if _scalars(given):
        return line({field: _literal(given)})
    if isinstance(given, list) and given and isinstance(given[0], Mapping):
        return _tekton(field, given[0])
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
        {field: f"{bare(entry.get('input'))} {operator} {[text_of(value) for value in values[:4]]}"}
    )


def _scalars(given: Any) -> bool:
    return isinstance(given, list) and all(isinstance(x, str | int | float) for x in given[:8])


def _literal(given: list[Any]) -> str:
    """A list as an expression; long strings are truncated."""
    return str([item[:64] if isinstance(item, str) else item for item in given[:8]])


def _limit(given: Any) -> Any:
    return {"limit": given} if type(given) is int else None


def _named(given: Any) -> Any:
    return {"name": given} if isinstance(given, str) else None


def _for_each(given: Any) -> Any:
    if _scalars(given):
        return {"values": _literal(given), "as": "item"}
    return {"values": bare(given), "as": "item"} if isinstance(given, str) else None


def _approval(given: Any) -> Any:
    if given is True or given is None:
        return {"approvers": ["group:NAME"]}
    names = given if isinstance(given, list) else [given]
    if not all(isinstance(name, str) for name in names):
        return None
    return {"approvers": [approver(name) for name in names[:4]]}


def _wait(given: Any) -> Any:
    if (time := duration(given)) is not None:
        return _Words(f"a node that waits for a while is a delay: {line({'delay': time})}")
    if isinstance(given, str):
        return {"signal": given} if given.isidentifier() else {"until": bare(given)}
    return None


def _variables(given: Any) -> Any:
    if not isinstance(given, Mapping):
        return None
    found = []
    for name, value in list(given.items())[:3]:
        declared: dict[str, Any] = {
            "name": identifier(text_of(name)) or "NAME",
            "type": _type(value),
        }
        if isinstance(value, str | int | float | bool):
            declared["default"] = value
        found.append(declared)
    return found or None


def _type(value: Any) -> str:
    match value:
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case list():
            return "list"
    return "string"


def _variable(given: Any) -> Any:
    if isinstance(given, str):
        return [{"name": identifier(given) or "NAME", "type": "string"}]
    return None


def _nodes(given: Any) -> Any:
    if not isinstance(given, Mapping):
        return None
    names = [identifier(text_of(name)) or "NAME" for name in list(given)[:3]]
    return [{"name": name, "action": "NAME"} for name in names] or None


def _edge(given: Any) -> Any:
    parts = given.replace("->", " ").replace("→", " ").split() if isinstance(given, str) else given
    if isinstance(parts, list) and len(parts) == 2 and all(isinstance(x, str) for x in parts):
        return [{"from": identifier(parts[0]), "to": identifier(parts[1])}]
    return None


def _edges(given: Any) -> Any:
    if not isinstance(given, Mapping):
        return None
    found = [
        {"from": identifier(text_of(source)), "to": identifier(target)}
        for source, targets in list(given.items())[:3]
        for target in (targets if isinstance(targets, list) else [targets])[:2]
        if isinstance(target, str)
    ]
    return found or [{"from": "A", "to": "B"}]


def _finally(given: Any) -> Any:
    names = given if isinstance(given, list) else [given]
    found = [
        identifier(text_of(name.get("name"))) or "NODE" if isinstance(name, Mapping) else name
        for name in names[:4]
    ]
    return [name for name in found if isinstance(name, str)] or None


def _outputs(given: Any) -> Any:
    if not isinstance(given, Mapping):
        return None
    return [
        {"name": identifier(text_of(name)) or "NAME", "value": bare(value)}
        for name, value in list(given.items())[:3]
    ] or None


def _map(given: Any) -> Any:
    """A list of names and values as a map."""
    if not isinstance(given, list):
        return None
    found = {
        text_of(item["name"]): item.get("value", "VALUE")
        for item in given[:8]
        if isinstance(item, Mapping) and "name" in item
    }
    return found or None


def _list_of_one(given: Any) -> Any:
    return [given] if isinstance(given, str) else None


def _environment(given: Any) -> Any:
    if not isinstance(given, Mapping):
        return None
    return [
        {"name": text_of(name), "value": text_of(value)} for name, value in list(given.items())[:3]
    ]


_SHAPES: dict[tuple[str, str], _Shape] = {
    ("Node", "retry"): _limit,
    ("Defaults", "retry"): _limit,
    ("WorkflowSpec", "concurrency"): _limit,
    ("Node", "workflow"): _named,
    ("Node", "forEach"): _for_each,
    ("Node", "approval"): _approval,
    ("Node", "wait"): _wait,
    ("Node", "repeat"): lambda given: (
        {"until": "EXPRESSION", "limit": given} if type(given) is int else None
    ),
    ("Node", "transform"): lambda given: (
        {"result": bare(given)} if isinstance(given, str) else _map(given)
    ),
    ("Node", "with"): _map,
    ("SubWorkflow", "variables"): _map,
    ("TriggerSpec", "variables"): _map,
    ("Node", "fail"): lambda given: "TEXT" if given in (True, None) else None,
    ("Node", "action"): lambda given: (
        given.get("name", "NAME") if isinstance(given, Mapping) else None
    ),
    ("WorkflowSpec", "variables"): _variables,
    ("WorkflowSpec", "variables[]"): _variable,
    ("WorkflowSpec", "nodes"): _nodes,
    ("WorkflowSpec", "edges"): _edges,
    ("WorkflowSpec", "edges[]"): _edge,
    ("WorkflowSpec", "finally"): _finally,
    ("WorkflowSpec", "finally[]"): _finally,
    ("WorkflowSpec", "outputs"): _outputs,
    ("WorkflowSpec", "defaults"): lambda _: None,
    ("TemplateSpec", "parameters"): _variables,
    ("TemplateSpec", "parameters[]"): _variable,
    ("TemplateSpec", "outputs"): lambda given: (
        [{"name": text_of(name), "type": "string"} for name in list(given)[:3]]
        if isinstance(given, Mapping)
        else None
    ),
    ("Action", "env"): _environment,
    ("Action", "command"): _list_of_one,
    ("Action", "args"): _list_of_one,
    ("Action", "script"): lambda given: (
        {"interpreter": "sh", "source": given} if isinstance(given, str) else None
    ),
    ("TriggerSpec", "schedule"): lambda given: {"cron": given} if isinstance(given, str) else None,
    ("TriggerSpec", "workflow"): lambda given: (
        given.get("name", "NAME") if isinstance(given, Mapping) else None
    ),
    ("TriggerSpec", "execution"): lambda given: (
        {"workflow": given} if isinstance(given, str) else None
    ),
    ("Approval", "approvers"): lambda given: [approver(given)] if isinstance(given, str) else None,
    ("Retry", "reasons"): _list_of_one,
    ("ForEach", "gather"): _list_of_one,
    ("ExecutionEnded", "phases"): _list_of_one,
    ("Workspace", "size"): lambda given: f"{given}Gi" if type(given) is int else None,
}
"""By model and field; `[]` is an entry of a list."""
