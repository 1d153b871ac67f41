"""Label and field selectors, as far as the operator uses them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

_TERM = re.compile(
    r"\s*(?P<key>[^\s=,()]+)(?:=(?P<value>[^,]*)|\s+in\s+\((?P<values>[^)]*)\))?(?:,|$)"
)


def selects(query: Mapping[str, str], raw: Mapping[str, Any]) -> bool:
    """Whether an object is one of those that a request's selectors ask for."""
    labels = raw["metadata"].get("labels") or {}
    for key, wanted in _labels(query.get("labelSelector", "")):
        if key not in labels or (wanted is not None and labels[key] not in wanted):
            return False
    for parts, unequal, value in _fields(query.get("fieldSelector", "")):
        found: Any = raw
        for part in parts:
            found = (found or {}).get(part)
        if ((found or "") == value) is unequal:
            return False
    return True


@lru_cache(maxsize=256)
def _labels(selector: str) -> list[tuple[str, list[str] | None]]:
    """The labels that must be there, and their values, or None where any will do."""
    found = []
    for term in _TERM.finditer(selector):
        one, several = term["value"], term["values"]
        found.append(
            (term["key"], several.split(",") if several else None if one is None else [one])
        )
    return found


@lru_cache(maxsize=256)
def _fields(selector: str) -> list[tuple[list[str], bool, str]]:
    """The fields by their path, whether they must differ, and from what."""
    terms = (re.split(r"(!?)==?", text) for text in selector.split(",") if text)
    return [(path.split("."), bool(unequal), value) for path, unequal, value in terms]
