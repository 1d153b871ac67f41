"""Renders the fields of a Template, each on its own, so that a value never leaves its field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.expressions import ExpressionError, compile_text
from orchestrator.jobs.refusal import JobRefused
from orchestrator.models.reasons import Reason

MAX_STRING = 120 * 1024
"""Maximum bytes of an argument or variable: Linux accepts 128 KiB (MAX_ARG_STRLEN), including the
name."""


def render_field(text: str, scope: Mapping[str, Any], path: str) -> str:
    """A field as text. Raises JobRefused with the path."""
    if "$[[" not in text:
        return text
    try:
        value = compile_text(text).render(scope)
    except ExpressionError as error:
        raise JobRefused(error.reason, f"{path}: {error}") from error
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        raise JobRefused(
            Reason.EXPRESSION_ERROR, f"{path}: must give text, not {type(value).__name__}"
        )
    return str(value)


def literal(text: str, scope: Mapping[str, Any], path: str) -> str:
    """As `render_field`, for env, command and args, in which the kubelet expands `$(NAME)`.

    Every `$` in rendered text is doubled, which the kubelet turns back into one; text that the
    Template's author wrote outside expressions is unchanged.
    https://kubernetes.io/docs/tasks/inject-data-application/define-command-argument-container/
    """
    if "$[[" in text:
        return escape(render_field(text, scope, path), path)
    return _passable(text, path)


def escape(text: str, path: str) -> str:
    """A text that the kubelet passes to the container unchanged."""
    return _passable(text, path).replace("$", "$$")


def _passable(text: str, path: str) -> str:
    """The text, if a process can be started with it. Raises JobRefused with the path."""
    if "\0" in text:
        raise JobRefused(Reason.INVALID_PARAMETERS, f"{path}: must not contain a NUL character")
    if len(text) > MAX_STRING // 4 and (size := len(text.encode())) > MAX_STRING:
        raise JobRefused(
            Reason.PARAMS_TOO_LARGE,
            f"{path}: {size:,} bytes; a process takes {MAX_STRING:,} at most",
        )
    return text
