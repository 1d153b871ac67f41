"""Finds plain strings that are probably meant as expressions."""

from __future__ import annotations

import re
from collections.abc import Callable

from orchestrator.expressions import Expression, ExpressionError, compile_expression
from orchestrator.expressions.budget import tick
from orchestrator.expressions.text import OPEN
from orchestrator.validation.suggestions import paths

MAX_EXAMINED = 2 * 1024
"""Maximum length of a string that is examined."""
_MAX_INSIDE = 200
_EXAMINED = 2_000
"""Units of work per string, for the near names of a reference that does not exist."""
_WHOLE = re.compile(
    r"\s*(?:vars|nodes|execution|event|workflow|params|runner|trigger)\.[A-Za-z_]\w*"
    r"(?:\.\w+|\[\w+\])*(?:\s*\|\s*\w+(?:\([^()]*\))?)*\s*"
)
_DELIMITED = re.compile(
    rf"(\$\{{\{{)(.{{1,{_MAX_INSIDE}}}?)\}}\}}"
    rf"|(\{{\{{)(.{{1,{_MAX_INSIDE}}}?)\}}\}}"
    r"|(\$\()([A-Za-z_][\w-]*(?:\.[\w-]+)+)\)"
    r"|(\$\{)([A-Za-z_]\w*(?:\.[\w-]+)+)\}"
    r"|((?<![\[$])\[\[) ?([A-Za-z_]\w*(?:\.\w+)+) ?\]\]"
)
_VARIABLES = re.compile(r"(?<![\w.])vars\.")
_FOREIGN = frozenset(paths.ROOTS)
Resolves = Callable[[Expression], bool]


def plain_text(text: str, resolves: Resolves, variables: str = "vars") -> str:
    """The warning that a string without `$[[ ]]` is probably meant as an expression, or an empty
    string.

    `resolves` is whether all references of an expression exist in this field; `variables` is the
    root of the variables that it can use.
    """
    if OPEN in text:
        return ""
    tick(_EXAMINED + 10 * min(len(text), MAX_EXAMINED))
    if len(text) <= _MAX_INSIDE and _WHOLE.fullmatch(text) and _is_valid(text.strip(), resolves):
        return f"{text.strip()!r} is plain text; for its value write `$[[ {text.strip()} ]]`"
    if not any(opening in text for opening in ("{{", "$(", "${", "[[")):
        return ""
    for match in _DELIMITED.finditer(text[:MAX_EXAMINED]):
        opening, inside = (part for part in match.groups() if part is not None)
        written = _VARIABLES.sub(f"{variables}.", paths.translate(inside.strip()))
        if _is_valid(written, resolves):
            return f"{match[0]!r} is plain text; for its value write `$[[ {written} ]]`"
        root = re.match(r"\s*([A-Za-z_]\w*)", inside)
        if opening == "${{" or (root and root[1] in _FOREIGN and "." in inside):
            return f"{match[0]!r} is plain text; an expression is written `$[[ … ]]`"
    return ""


def _is_valid(source: str, resolves: Resolves) -> bool:
    try:
        expression = compile_expression(source)
    except ExpressionError:
        return False
    return bool(expression.references) and resolves(expression)


_LITERAL = re.compile(
    rf"""(["'])\s*(?:\$\[\[|\$?\{{\{{)\s*(.{{1,{_MAX_INSIDE}}}?)\s*(?:\]\]|\}}\}})\s*\1"""
)


def quoted_expression(source: str) -> str:
    """The warning that a string inside an expression is probably meant as one, or an empty
    string."""
    match = _LITERAL.search(source)
    if match is None:
        return ""
    written = source.replace(match[0], paths.translate(match[2]), 1)
    return f"{match[0]} is a string and is never evaluated; write `{written}`"
