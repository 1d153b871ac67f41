"""Runs the function of an action in this process, with errors classified."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.actions.action import ActionError, Context
from orchestrator.actions.registry import load


def perform(action: str, context: Context, /, **parameters: Any) -> dict[str, Any]:
    """The outputs of an action, as a workflow reads them."""
    found = load(action)
    outputs = found.run(found.parameters.model_validate(parameters), context)
    dumped: dict[str, Any] = outputs.model_dump(mode="json", by_alias=True, exclude_none=True)
    return dumped


def failure(action: str, context: Context, /, **parameters: Any) -> ActionError:
    """How an action fails, errors of libraries classified."""
    with pytest.raises(Exception) as caught:  # noqa: PT011 - classified below
        perform(action, context, **parameters)
    if isinstance(caught.value, ActionError):
        return caught.value
    classified = load(action).classify(caught.value)
    assert classified is not None, caught.value
    return classified
