"""Strings that the API server refuses in our words: a rule in place of `enum` and `pattern`."""

from __future__ import annotations

from typing import Any

from orchestrator.models import messages
from orchestrator.models.base import APPROVER_PATTERN
from orchestrator.models.cel_text import Text, literal

Schema = dict[str, Any]

MAX_VALUE = 63
"""Maximum length of a value that is to be one of an enumeration: bounds the cost of its rule."""
_COSTLY = frozenset({APPROVER_PATTERN})
"""Patterns of so many strings that the API server refuses a message about each as too costly."""


def in_our_words(schema: Schema, enumeration: str) -> Schema:
    """A string's schema with a rule in place of `pattern` and `enum`.

    The API server refuses what breaks those in its own words, and checks no rule of an object in
    which an `enum` is broken. The values are in the description, which `kubectl explain` shows.
    """
    if "enum" in schema:
        values = tuple(map(str, schema["enum"]))
        allowed = f"self in [{', '.join(map(literal, values))}]"
        described = f"{schema.get('description', '')} One of {', '.join(values)}.".strip()
        rest = {key: value for key, value in schema.items() if key != "enum"}
        bounded = {"maxLength": MAX_VALUE} | rest | {"description": described}
        message = f"must be one of {', '.join(values)}"
        return bounded | _of_string(allowed, message, messages.one_of(values, enumeration))
    pattern = schema.get("pattern", "")
    wording = messages.about_pattern(pattern)
    if wording is None or pattern in _COSTLY:
        return schema
    rest = {key: value for key, value in schema.items() if key != "pattern"}
    return rest | _of_string(f"self.matches({literal(pattern)})", f"must match {pattern}", wording)


def _of_string(rule: str, message: str, words: Text) -> Schema:
    return {
        "x-kubernetes-validations": [
            {"rule": rule, "message": message, "messageExpression": words.cel}
        ]
    }
