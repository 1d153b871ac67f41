"""Checks the arguments of filters and tests before the evaluation."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from jinja2 import nodes

from orchestrator.expressions.errors import ExpressionError
from orchestrator.expressions.library import NAMING
from orchestrator.expressions.patterns import check_pattern
from orchestrator.models.nearest import did_you_mean

_signature = lru_cache(maxsize=None)(inspect.signature)


def check_arguments(
    node: nodes.Filter | nodes.Test, function: Callable[..., Any], noun: str
) -> None:
    """Raise ExpressionError unless the filter or test accepts these arguments."""
    keywords: dict[str, None] = {str(pair.key): None for pair in node.kwargs}
    try:
        _signature(function).bind(None, *node.args, **keywords)
    except TypeError as error:
        raise ExpressionError(f"{noun} {node.name!r}: {error}") from error


def check_naming(node: nodes.Filter | nodes.Test) -> None:
    """Raise ExpressionError if an argument names an unknown filter or test or is an invalid
    pattern."""
    if node.name == "matches" and isinstance(node.args[0], nodes.Const):
        check_pattern(str(node.args[0].value))
    if not isinstance(node, nodes.Filter) or node.name not in NAMING:
        return
    position, table, noun = NAMING[node.name]
    if len(node.args) > position:
        name = node.args[position]
        if not isinstance(name, nodes.Const) or name.value not in table:
            shown = repr(name.value) if isinstance(name, nodes.Const) else "a computed name"
            near = did_you_mean(str(name.value), table) if isinstance(name, nodes.Const) else ""
            raise ExpressionError(f"{node.name}: {shown} is not the name of a {noun}{near}")
