"""The workflow of a Template, in which `$[[ params.NAME ]]` is replaced to create a Workflow.

Every other expression belongs to the Workflow: it stays, and is evaluated when that runs.
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
"""Depth in a spec of the values that may themselves be nested MAX_DEPTH deep."""


def reads_params(expression: Expression) -> bool:
    """Whether it is replaced when a Workflow is created."""
    return any(reference[0] == PARAMS for reference in expression.references)


def is_text(path: str) -> bool:
    """Whether the Workflow evaluates the expressions in this string when it runs."""
    return _TEXT.match(path) is not None


def variable_of(path: str) -> int | None:
    """The variable whose default has this path."""
    found = _DEFAULT.fullmatch(path)
    return int(found[1]) if found else None


def rewritten(value: Any, change: Callable[[str, str], Json], path: str = ROOT) -> Any:
    """A copy in which each string is replaced by `change(path, string)`; keys stay."""
    return _rewritten(value, change, path, 0)


def _rewritten(value: Any, change: Callable[[str, str], Json], path: str, depth: int) -> Any:
    if depth > MAX_DEPTH + _OTHER_DEPTH:
        return value  # the rule on parameters refuses such a value
    if isinstance(value, str):
        return change(path, value)
    if isinstance(value, dict):
        return {
            key: _rewritten(item, change, join(path, str(key)), depth + 1)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_rewritten(item, change, join(path, n), depth + 1) for n, item in enumerate(value)]
    return value
