"""Renders the fields of a Template, each on its own, so that a value never leaves its field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.engine.reasons import EXPRESSION_ERROR
from orchestrator.expressions import ExpressionError, compile_text
from orchestrator.jobs.refusal import JobRefused


def render_field(text: str, scope: Mapping[str, Any], path: str) -> str:
    """A field as text. Raises JobRefused with the path."""
    if "$[[" not in text:
        return text
    try:
        value = compile_text(text).render(scope)
    except ExpressionError as error:
        raise JobRefused(EXPRESSION_ERROR, f"{path}: {error}") from error
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        raise JobRefused(EXPRESSION_ERROR, f"{path}: must give text, not {type(value).__name__}")
    rendered = str(value)
    if "\0" in rendered:
        raise JobRefused(EXPRESSION_ERROR, f"{path}: must not hold a NUL character")
    return rendered


def literal(text: str, scope: Mapping[str, Any], path: str) -> str:
    """As `render_field`, for env, command and args, where the kubelet expands `$(NAME)`.

    Every `$` of what was rendered is doubled, which the kubelet turns back into one; what a
    Template's author wrote without an expression is left as it is.
    https://kubernetes.io/docs/tasks/inject-data-application/define-command-argument-container/
    """
    return escape(render_field(text, scope, path)) if "$[[" in text else text


def escape(text: str) -> str:
    """A text that the kubelet gives to the container as it is."""
    return text.replace("$", "$$")
