"""Label and field selectors, as far as the operator uses them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_TERM = re.compile(
    r"\s*(?P<key>[^\s=,()]+)(?:=(?P<value>[^,]*)|\s+in\s+\((?P<values>[^)]*)\))?(?:,|$)"
)


def selects(query: Mapping[str, str], raw: Mapping[str, Any]) -> bool:
    """Whether an object is one of those that a request's selectors ask for."""
    labels = raw["metadata"].get("labels") or {}
    for term in _TERM.finditer(query.get("labelSelector", "")):
        wanted = term["values"].split(",") if term["values"] else [term["value"]]
        if term["key"] not in labels or (wanted != [None] and labels[term["key"]] not in wanted):
            return False
    for text in filter(None, query.get("fieldSelector", "").split(",")):
        path, unequal, value = re.split(r"(!?)==?", text)
        found: Any = raw
        for part in path.split("."):
            found = (found or {}).get(part)
        if ((found or "") == value) is bool(unequal):
            return False
    return True
