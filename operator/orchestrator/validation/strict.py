"""Finds numbers and booleans that are written as strings, which the API server refuses.

Only manifests that have not passed an API server need this check.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from pydantic import BaseModel

from orchestrator.expressions.errors import kind
from orchestrator.validation.annotations import inside, plain
from orchestrator.validation.problem import MAX_PROBLEMS, Problem, join
from orchestrator.validation.suggestions.proposals import line

_DESCRIPTIONS = {bool: "true or false", int: "an integer", float: "a number"}


def mistyped(model: type[BaseModel], raw: Any, root: str = "spec") -> list[Problem]:
    """Problems of a parsed spec that the API server would refuse, at most 50."""
    return list(islice(_mistyped(model, raw, root), MAX_PROBLEMS))


def _mistyped(model: type[BaseModel], raw: Any, root: str) -> Iterator[Problem]:
    stack: list[tuple[Any, Any, str, str]] = [(model, raw, root, "")]
    while stack:
        annotation, value, path, field = stack.pop()
        if annotation in _DESCRIPTIONS:
            if not _is(annotation, value):
                proposal = line({field: _converted(annotation, value)})
                yield Problem(
                    path, f"must be {_DESCRIPTIONS[annotation]}, not {kind(value)}; {proposal}"
                )
        elif isinstance(value, dict):
            stack += [
                (plain(inside(annotation, key)), item, join(path, key), key)
                for key, item in reversed(value.items())
                if isinstance(key, str)
            ]
        elif isinstance(value, list):
            entries = reversed(list(enumerate(value)))
            inner = plain(inside(annotation, 0))
            stack += [(inner, item, join(path, at), field) for at, item in entries]


def _is(annotation: type, value: Any) -> bool:
    if value is None:
        return True
    if annotation is float:
        return type(value) in (int, float)
    return type(value) is annotation


def _converted(annotation: type, value: Any) -> Any:
    if annotation is bool:
        return str(value).lower() in ("true", "yes", "on", "1", "y", "t")
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return 1
    whole = annotation is int or number.is_integer()
    return int(number) if whole and abs(number) < 1e15 else number
