"""Hints about fields of other systems, with a line that contains the author's value."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any

from orchestrator.models.workflow import OnFailure
from orchestrator.validation.suggestions.paths import translate
from orchestrator.validation.suggestions.proposals import (
    MAX_SHOWN,
    duration,
    identifier,
    line,
    text_of,
)

Owner = Mapping[str, Any]
Hint = str | Callable[[Any, Owner], str]
"""The hint for a field: a string, or a function of its value and of the object it is in."""

_DELIMITERS = re.compile(r"\$\[\[|\]\]|\$?\{\{|\}\}|\$\((?=[a-z])")
_SOURCES = re.compile(r"([A-Za-z_][\w-]*)(?:\.([A-Za-z]+))?")
_OUTCOMES = {"Failed": "Failed", "Errored": "Failed"}


def bare(value: Any) -> str:
    """An expression of another system, translated and without delimiters."""
    text = text_of(value)
    if text.count("$(") == 1 and text.endswith(")"):
        text = text[:-1]
    return translate(_DELIMITERS.sub("", text)).strip()


def _with_proposal(message: str, value: Any) -> str:
    proposal = line(value)
    return f"{message}: {proposal}" if proposal else message


def edges(value: Any, owner: Owner) -> str:
    """Dependencies of a node, as edges that lead to it."""
    target = identifier(text_of(owner.get("name"))) or "NODE"
    sources = value if isinstance(value, list) else [value]
    written: list[dict[str, str]] = []
    for text in sources[:8]:
        for name, outcome in _SOURCES.findall(text_of(text)):
            edge = {"from": identifier(name), "to": target}
            if outcome in _OUTCOMES:
                edge["outcome"] = _OUTCOMES[outcome]
            written.append(edge)
    written = written or [{"from": "OTHER", "to": target}]
    message = "a dependency is an edge of the workflow, in spec.edges"
    return _with_proposal(message, {"edges": written[:4]})


def next_node(value: Any, owner: Owner) -> str:
    """The successor of a node, as an edge."""
    source = identifier(text_of(owner.get("name"))) or "NODE"
    target = identifier(value) if isinstance(value, str) else ""
    message = "the next node is the target of an edge, in spec.edges"
    return _with_proposal(message, {"edges": [{"from": source, "to": target or "OTHER"}]})


def following(outcome: str) -> Callable[[Any, Owner], str]:
    """A node that runs after this outcome, as an edge, allowFailure or onFailure."""

    def hint(value: Any, owner: Owner) -> str:
        source = identifier(text_of(owner.get("name"))) or "NODE"
        target = identifier(value) if isinstance(value, str) else ""
        if target in ("continue", "ignore"):
            message = "a node whose failure counts as handled has allowFailure"
            return _with_proposal(message, {"allowFailure": True})
        if target.capitalize() in list(OnFailure):
            message = "spec.onFailure decides whether a failure stops other branches"
            return _with_proposal(message, {"onFailure": target.capitalize()})
        edge = {"from": source, "to": target or "OTHER", "outcome": outcome}
        message = (
            f"a node that runs after outcome {outcome} is the target of an edge, in spec.edges"
        )
        return _with_proposal(message, {"edges": [edge]})

    return hint


def items(value: Any, owner: Owner) -> str:
    """A loop, as forEach."""
    del owner
    if isinstance(value, str):
        source = bare(value)
        source = f"vars.{source}" if source.isidentifier() else source
    elif isinstance(value, list) and all(isinstance(x, str | int | float) for x in value[:8]):
        source = str([x[:64] if isinstance(x, str) else x for x in value[:8]])
    else:
        source = "vars.LIST"
    return _with_proposal("items are run by forEach", {"forEach": {"values": source, "as": "item"}})


def condition(value: Any, owner: Owner) -> str:
    """A condition of another system, as `when` or the outcome of an edge."""
    source = bare(value) if isinstance(value, str) else "vars.NAME == 'x'"
    if re.search(r"\b(?:failure|always|success|cancelled)\(\)", source):
        outcome = "Always" if "always()" in source else "Failed"
        target = identifier(text_of(owner.get("name"))) or "NODE"
        edge = [{"from": "OTHER", "to": target, "outcome": outcome}]
        return _with_proposal(
            "a node that runs after a failure is the target of an edge, in spec.edges",
            {"edges": edge},
        )
    return _with_proposal("a node that runs under a condition has when", {"when": source})


def retry(value: Any, owner: Owner) -> str:
    """A number of retries, as retry."""
    del owner
    limit = value.get("limit", 3) if isinstance(value, Mapping) else value
    number = re.fullmatch(r"[0-9]{1,3}", text_of(limit))
    return _with_proposal(
        "attempts are repeated by retry", {"retry": {"limit": int(number[0]) if number else 3}}
    )


def duration_in(message: str, field: str, unit: str = "s") -> Callable[[Any, Owner], str]:
    """A number of seconds or minutes, as a duration."""

    def hint(value: Any, owner: Owner) -> str:
        del owner
        number = re.fullmatch(r"[0-9]{1,9}", text_of(value))
        written = f"{number[0]}{unit}" if number else duration(value)
        return _with_proposal(message, {field: written or "5m"})

    return hint


def action(value: Any, owner: Owner) -> str:
    """A reference to a task or template, as an action."""
    del owner
    name = value.get("name") if isinstance(value, Mapping) else value
    name = name if isinstance(name, str) and "/" not in name and "@" not in name else "NAME"
    return _with_proposal(
        "a node runs an action: the name of a ClusterTemplate, or local/NAME for a Template",
        {"action": name[:MAX_SHOWN]},
    )


def script(value: Any, owner: Owner) -> str:
    """An inline script, as the action run-script."""
    del owner
    script = value if isinstance(value, str) and "\n" not in value else "…"
    message = "a script is a parameter of the action run-script"
    return _with_proposal(message, {"action": "run-script", "with": {"script": script}})


def parameters(value: Any, owner: Owner) -> str:
    """Parameters, from a map or a list of name and value."""
    del owner
    if isinstance(value, Mapping) and isinstance(value.get("parameters"), list):
        value = value["parameters"]
    if isinstance(value, list):
        value = {
            text_of(item["name"]): item.get("value", "…")
            for item in value[:8]
            if isinstance(item, Mapping) and "name" in item
        }
    written = dict(list(value.items())[:8]) if isinstance(value, Mapping) else {}
    written = written or {"NAME": "VALUE"}
    return _with_proposal("the parameters of an action are in with", {"with": written})


def renamed(field: str) -> Callable[[Any, Owner], str]:
    """The same field under another name, with the value unchanged."""

    def hint(value: Any, owner: Owner) -> str:
        del owner
        return _with_proposal(f"the field is called {field}", {field: value})

    return hint


def named(field: str) -> Callable[[Any, Owner], str]:
    """A reference of the shape `{name: NAME}` to an object that a field names."""

    def hint(value: Any, owner: Owner) -> str:
        del owner
        name = value.get("name") if isinstance(value, Mapping) else value
        return line({field: name if isinstance(name, str) else "NAME"})

    return hint


def declared(field: str, message: str) -> Callable[[Any, Owner], str]:
    """Parameters, as a list of typed declarations."""

    def hint(value: Any, owner: Owner) -> str:
        del owner
        if isinstance(value, Mapping):
            value = value.get("parameters", value)
        names: list[str] = []
        if isinstance(value, Mapping):
            names = [text_of(name) for name in islice(value, 3)]
        elif isinstance(value, list):
            names = [text_of(item.get("name")) for item in value if isinstance(item, Mapping)]
        found = [{"name": identifier(name) or "NAME", "type": "string"} for name in names[:3]]
        return _with_proposal(message, {field: found or [{"name": "NAME", "type": "string"}]})

    return hint


def steps(value: Any, owner: Owner) -> str:
    """Steps, as nodes."""
    del owner
    names: list[str] = []
    if isinstance(value, Mapping):
        value = value.get("tasks", value)
    if isinstance(value, Mapping):
        names = [text_of(name) for name in islice(value, 3)]
    elif isinstance(value, list):
        entries = [item[0] if isinstance(item, list) and item else item for item in value[:3]]
        names = [text_of(item.get("name")) for item in entries if isinstance(item, Mapping)]
    found = [{"name": identifier(name) or "NODE", "action": "NAME"} for name in names[:3]]
    message = "the steps of a workflow are spec.nodes, and their order is spec.edges"
    return _with_proposal(message, {"nodes": found or [{"name": "NODE", "action": "NAME"}]})


def inside(field: str, message: str) -> Callable[[Any, Owner], str]:
    """The same field inside another one."""

    def hint(value: Any, owner: Owner) -> str:
        name = next((str(key) for key, item in owner.items() if item is value), "NAME")
        return _with_proposal(message, {field: {name: value}})

    return hint
