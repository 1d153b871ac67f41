"""Proposed values, ready to paste: short YAML, durations, names."""

from __future__ import annotations

import json
import re
from collections.abc import Sized
from itertools import islice
from typing import Any

from orchestrator.models.base import DURATION_PATTERN, YAML_BOOLEANS
from orchestrator.models.messages import (
    PROPOSED_APPROVER,
    PROPOSED_DURATION,
    PROPOSED_IDENTIFIER,
    PROPOSED_NAME,
    PROPOSED_QUANTITY,
)

MAX_SHOWN = 160
"""Maximum length of a proposed line; a longer one would fill the message."""
_MAX_TEXT = 512
"""Maximum length of a string that a proposal is derived from."""
_MAX_DIGITS = 100
_MAX_ENTRIES = 8
_MAX_DEPTH = 5
"""Maximum number of entries shown of lists and objects."""
_PLAIN = re.compile(r"[A-Za-z_/](?:[A-Za-z0-9_./@ =<>!+|()-]*[A-Za-z0-9_)])?")
_NOT_TEXT = frozenset({*YAML_BOOLEANS, "null"})
_MAX_DURATION = 64
"""Maximum length of a string that is parsed as a duration or quantity."""


def flow(value: Any, depth: int = 0) -> str:
    """A value as one line of YAML: `{limit: 3}`, `[a, b]`, `'5'`. Large values are truncated."""
    match value:
        case dict() | list() if depth > _MAX_DEPTH:
            return "…"
        case dict():
            entries = [
                f"{_text(text_of(key))}: {flow(item, depth + 1)}"
                for key, item in islice(value.items(), _MAX_ENTRIES)
            ]
            return f"{{{', '.join(_cut(entries, value))}}}"
        case list():
            items = [flow(item, depth + 1) for item in value[:_MAX_ENTRIES]]
            return f"[{', '.join(_cut(items, value))}]"
        case str():
            return _text(value[:_MAX_TEXT])
        case bool() | None:
            return json.dumps(value)
    return text_of(value)


def _cut(shown: list[str], value: Sized) -> list[str]:
    return [*shown, "…"] if len(value) > _MAX_ENTRIES else shown


def text_of(value: Any) -> str:
    """A scalar as a string of bounded length; empty for lists and objects."""
    if isinstance(value, str):
        return value[:_MAX_TEXT]
    small = isinstance(value, float) or (isinstance(value, int) and abs(value) < 10**_MAX_DIGITS)
    return str(value) if small else ""


def line(value: Any) -> str:
    """A proposed line of YAML in backticks; empty if it is too long to read."""
    text = flow(value)
    text = text[1:-1] if isinstance(value, dict) else text
    return f"write `{text}`" if len(text) <= MAX_SHOWN else ""


def _text(text: str) -> str:
    plain = _PLAIN.fullmatch(text) or re.fullmatch(DURATION_PATTERN, text)
    if plain and text.lower() not in _NOT_TEXT:
        return text
    if "'" in text or not text.isprintable():
        return json.dumps(text, ensure_ascii=False)
    return f"'{text}'"


def duration(value: Any) -> str | None:
    """The probable duration, or None: `5m` for `5 min`, `30s` for 30, `48h` for `2 days`."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, int | float):
        return f"{value}s" if 0.001 <= value < 1e9 else None
    return PROPOSED_DURATION.of(value[:_MAX_DURATION]) or None


def identifier(text: str) -> str:
    """The nearest identifier: `check_db` for `check-db`; empty if there is none."""
    return PROPOSED_IDENTIFIER.of(text[:63])


def object_name(text: str) -> str:
    """The nearest name of an object or label: `check-db` for `Check_DB`; may be empty."""
    return PROPOSED_NAME.of(text[:63])


def label(text: str) -> str:
    """The nearest value of a label, or name of its key; may be empty."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text[:63]).strip("-_.")


def quantity(text: str) -> str | None:
    """The nearest Kubernetes quantity: `1Gi` for `1 GiB`, `500M` for `500mb`; None if unknown."""
    return PROPOSED_QUANTITY.of(text[:_MAX_DURATION]) or None


def approver(text: str) -> str:
    """The probable approver, such as `user:ana@example.com` or `group:sre`."""
    return PROPOSED_APPROVER.of(text[:_MAX_TEXT])
