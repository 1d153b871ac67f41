"""Proposed values, ready to paste: short YAML, durations, names."""

from __future__ import annotations

import json
import re
from collections.abc import Sized
from itertools import islice
from typing import Any

from orchestrator.models.base import DURATION_PATTERN, YAML_BOOLEANS

MAX_SHOWN = 160
"""Maximum length of a proposed line; a longer one would fill the message."""
_MAX_TEXT = 512
"""Maximum length of a string that is read for a proposal."""
_MAX_DIGITS = 100
_MAX_ENTRIES = 8
_MAX_DEPTH = 5
"""Maximum number of entries shown of lists and objects."""
_PLAIN = re.compile(r"[A-Za-z_/](?:[A-Za-z0-9_./@ =<>!+|()-]*[A-Za-z0-9_)])?")
_NOT_TEXT = frozenset({*YAML_BOOLEANS, "null"})
_PARTS = re.compile(r"\s*([0-9]{1,9}(?:\.[0-9]{1,6})?)\s*([A-Za-zµ]*)\s*,?")
_ISO = re.compile(r"PT(?:([0-9]{1,9})H)?(?:([0-9]{1,9})M)?(?:([0-9]{1,9})S)?", re.IGNORECASE)
_UNITS = {
    "ms": ("ms", "msec", "msecs", "millisecond", "milliseconds", "millis"),
    "s": ("", "s", "sec", "secs", "second", "seconds"),
    "m": ("m", "min", "mins", "minute", "minutes"),
    "h": ("h", "hr", "hrs", "hour", "hours"),
    "d": ("d", "day", "days"),
    "w": ("w", "week", "weeks"),
}
_UNIT_OF = {word: unit for unit, words in _UNITS.items() for word in words}
_HOURS_OF = {"d": 24, "w": 7 * 24}


def flow(value: Any, depth: int = 0) -> str:
    """A value as YAML in one line: `{limit: 3}`, `[a, b]`, `'5'`. Large values are truncated."""
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


def duration(given: Any) -> str | None:
    """The duration that was probably meant: `5m` for `5 min`, `30s` for 30, `48h` for `2 days`."""
    if isinstance(given, bool) or not isinstance(given, int | float | str):
        return None
    if isinstance(given, int | float):
        return f"{given}s" if 0.001 <= given < 1e9 else None
    text = given.strip()[:64]
    if (iso := _ISO.fullmatch(text)) and any(iso.groups()):
        return "".join(f"{int(n)}{unit}" for n, unit in zip(iso.groups(), "hms", strict=True) if n)
    written, end = "", 0
    while end < len(text) and (part := _PARTS.match(text, end)):
        number, end = part[1], part.end()
        unit = _UNIT_OF.get(part[2].lower())
        if unit is None or (unit == "s" and not part[2] and written):
            return None
        if unit in _HOURS_OF:
            number, unit = f"{float(number) * _HOURS_OF[unit]:g}", "h"
        written += number + unit
    return written if written and end == len(text) and len(written) <= 32 else None


def identifier(text: str) -> str:
    """The nearest identifier: `check_db` for `check-db`; empty if there is none."""
    words = re.sub(r"[^a-zA-Z0-9_]+", "_", text[:63]).lstrip("_0123456789")
    return words.lower() if words.isupper() else words[:1].lower() + words[1:]


def object_name(text: str) -> str:
    """The nearest name of an object or label: `check-db` for `Check_DB`; may be empty."""
    return re.sub(r"[^a-z0-9]+", "-", text[:63].lower()).strip("-")


def label(text: str) -> str:
    """The nearest value of a label, or name of its key; may be empty."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text[:63]).strip("-_.")


def quantity(text: str) -> str | None:
    """The nearest quantity of Kubernetes: `1Gi` for `1 GiB`, `500M` for `500mb`."""
    match = re.fullmatch(r"\s*([0-9]{1,12}(?:\.[0-9]{1,6})?)\s*([kmgtpe]?)(i?)b?\s*", text, re.I)
    if match is None:
        return None
    number, prefix, binary = match.groups()
    if not prefix:
        return None if binary else number
    letter = "k" if prefix in "kK" and not binary else prefix.upper()
    return f"{number}{letter}{'i' if binary else ''}"
