"""CEL rules for strings that replace `enum` and `pattern`, with the validator's messages."""

from __future__ import annotations

from typing import Any

from orchestrator.models import messages
from orchestrator.models.base import APPROVER_PATTERN
from orchestrator.models.cel_text import Text, literal

Schema = dict[str, Any]

MAX_VALUE = 63
"""Maximum length of an enumeration's value: bounds the cost of its rule."""
_EXPENSIVE = frozenset({APPROVER_PATTERN})
"""Patterns in lists so long that the API server refuses a rule on each entry as too expensive."""


def with_own_messages(schema: Schema, enumeration: str) -> Schema:
    """A string's schema with a rule instead of `pattern` or `enum`.

    The API server has its own messages for these keywords, and checks no rule of an object in which
    an `enum` is violated. The description lists the values, for `kubectl explain`.
    """
    if "enum" in schema:
        values = tuple(map(str, schema["enum"]))
        allowed = f"self in [{', '.join(map(literal, values))}]"
        described = f"{schema.get('description', '')} One of {', '.join(values)}.".strip()
        rest = {key: value for key, value in schema.items() if key != "enum"}
        bounded = {"maxLength": MAX_VALUE} | rest | {"description": described}
        message = f"must be one of {', '.join(values)}"
        return bounded | _rule(allowed, message, messages.one_of(values, enumeration))
    pattern = schema.get("pattern", "")
    detailed = messages.about_pattern(pattern)
    if detailed is None or pattern in _EXPENSIVE:
        return schema
    rest = {key: value for key, value in schema.items() if key != "pattern"}
    return rest | _rule(f"self.matches({literal(pattern)})", f"must match {pattern}", detailed)


def _rule(rule: str, message: str, detailed: Text) -> Schema:
    return {
        "x-kubernetes-validations": [
            {"rule": rule, "message": message, "messageExpression": detailed.cel}
        ]
    }
