"""Messages about parts of expressions that are not allowed, with an alternative."""

from __future__ import annotations

import re
from collections.abc import Collection

from jinja2 import nodes

from orchestrator.expressions.library import FILTERS, TESTS
from orchestrator.models.nearest import did_you_mean

_ANYTHING = "the value"
_MAX_STEPS = 50
"""Maximum number of dots and brackets in a path that a message shows."""
_FILTER_OF = {
    "len": "length",
    "size": "length",
    "touppercase": "upper",
    "toupper": "upper",
    "tolowercase": "lower",
    "tolower": "lower",
    "strip": "trim",
    "includes": "contains",
    "tostring": "string",
    "str": "string",
    "parseint": "int",
    "parsefloat": "float",
    "to_json": "tojson",
    "from_json": "fromjson",
    "jsonparse": "fromjson",
    "coalesce": "default",
    "regex_match": "matches",
    "regex_search": "matches",
}
"""Filters by their names in other languages, in lower case."""
_INSTEAD_OF = {
    "success": "an edge without an outcome requires success",
    "failure": "to run a node after a failure write `outcome: Failed` at its edge",
    "always": "to run a node after any end write `outcome: Always` at its edge, or name it in"
    " spec.finally",
    "cancelled": "to run a node after a cancellation name it in spec.finally",
    "format": "strings are joined by ~, as in 'a' ~ vars.b",
    "now": "now is a name, known in wait.until only",
    "range": "write the list",
    "json_query": "keys are read with dots and brackets, items are selected with selectattr",
    "ternary": "a choice is written A if B else C",
    "lookup": "a secret is a variable of type secret",
    "hashfiles": "an expression reads no files",
}
"""Functions of other languages that no filter replaces, in lower case."""


def unknown(noun: str, name: str, table: Collection[str]) -> str:
    """The message for an unknown filter or test, with an alternative."""
    instead = _INSTEAD_OF.get(name.lower())
    called = _FILTER_OF.get(name.lower(), "")
    if instead is None and called in table:
        instead = f"write {called!r}"
    hint = f"; {instead}" if instead else did_you_mean(name, table)
    return f"there is no {noun} {name!r}{hint}"


def explain(message: str) -> str:
    """The message for a syntax error of Jinja2."""
    if "end of " in message:
        expected = re.search(r"expected '(.)'", message)
        if expected is None:
            return "it ends where a value is expected"
        return f"it ends without {expected[1]!r}" if expected[1] in ")]}" else "a bracket is open"
    if at := re.fullmatch(r"""unexpected char ["'\\]+ at (\d+)""", message):
        return f"the string at character {int(at[1]) + 1} has no closing quote"
    return message


def refuse(node: nodes.Node) -> str:
    """The message for a node that is not allowed, with an alternative if one is known."""
    if not isinstance(node, nodes.Call):
        return f"{type(node).__name__} is not part of the expression language"
    path = path_of(node.node)
    last = path.rpartition(".")[2]
    if instead := _INSTEAD_OF.get(last.lower()):
        return f"{path!r} cannot be called: expressions have no functions; {instead}"
    name = _known(last)
    if name is None:
        return (
            f"{path!r} cannot be called: expressions have no functions; filters are written"
            " '| NAME'"
            f"{did_you_mean(last, FILTERS) if path != _ANYTHING else ''}"
        )
    if name in FILTERS:
        return (
            f"expressions have no functions; write the filter '| {name}': `{_filtered(node, name)}`"
        )
    return f"expressions have no functions; write the test `{_written(node.args, 'X')} is {name}`"


def _known(called: str) -> str | None:
    """The filter or test that corresponds to a function of another language."""
    names = {name: name for name in (*TESTS, *FILTERS)}
    return names.get(called) or names.get(called.lower()) or _FILTER_OF.get(called.lower())


def _filtered(call: nodes.Call, name: str) -> str:
    """`f(A, B)` and `A.f(B)` as `A | f(B)`."""
    if isinstance(call.node, nodes.Getattr):
        owner, arguments = path_of(call.node.node), call.args
    else:
        owner, arguments = _written(call.args[:1], "X"), call.args[1:]
    inside = _written(arguments, "")
    return f"{owner} | {name}({inside})" if inside else f"{owner} | {name}"


def _written(arguments: list[nodes.Expr], nothing: str) -> str:
    shown = [
        repr(one.value)[:64] if isinstance(one, nodes.Const) else path_of(one) for one in arguments
    ]
    return ", ".join(shown) or nothing


def path_of(node: nodes.Node, depth: int = 0) -> str:
    """A path in messages, as in the source."""
    if depth > _MAX_STEPS:
        return "…"
    match node:
        case nodes.Name():
            return node.name
        case nodes.Getattr():
            return f"{path_of(node.node, depth + 1)}.{node.attr}"
        case nodes.Getitem(arg=nodes.Const(value=value)):
            return f"{path_of(node.node, depth + 1)}[{value!r}]"
        case nodes.Getitem():
            return f"{path_of(node.node, depth + 1)}[…]"
    return _ANYTHING
