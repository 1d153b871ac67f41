"""The workflow of a Template, whose `$[[ params.NAME ]]` are replaced to create a Workflow.

All other expressions are kept, and are evaluated when the Workflow runs.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from orchestrator.expressions import Expression
from orchestrator.expressions.bounds import MAX_DEPTH
from orchestrator.models.base import Json
from orchestrator.validation.problem import join

ROOT = "spec.workflow"
"""Path of the workflow in a Template."""
PARAMS = "params"
_TEXT = re.compile(r"spec\.workflow\.nodes\[\d+\]\.(with|fail|workflow\.variables)(?![A-Za-z])")
_DEFAULT = re.compile(r"spec\.workflow\.variables\[(\d+)\]\.default")
_OTHER_DEPTH = 8
"""Depth in a spec of the values that may be nested MAX_DEPTH deep."""


def reads_params(expression: Expression) -> bool:
    """Whether the expression is replaced when a Workflow is created."""
    return any(reference[0] == PARAMS for reference in expression.references)


def is_text(path: str) -> bool:
    """Whether the Workflow evaluates the expressions in this string when it runs."""
    return _TEXT.match(path) is not None


def variable_of(path: str) -> int | None:
    """The index of the variable whose default has this path, or None."""
    match = _DEFAULT.fullmatch(path)
    return int(match[1]) if match else None


def map_strings(value: Any, change: Callable[[str, str], Json], path: str = ROOT) -> Any:
    """A copy in which each string is replaced by `change(path, string)`; keys are unchanged."""
    return _map_strings(value, change, path, 0)


def _map_strings(value: Any, change: Callable[[str, str], Json], path: str, depth: int) -> Any:
    if depth > MAX_DEPTH + _OTHER_DEPTH:
        return value  # the rule on parameters refuses such a value
    if isinstance(value, str):
        return change(path, value)
    if isinstance(value, dict):
        return {
            key: _map_strings(item, change, join(path, str(key)), depth + 1)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [
            _map_strings(item, change, join(path, index), depth + 1)
            for index, item in enumerate(value)
        ]
    return value
