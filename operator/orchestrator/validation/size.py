"""Whether a spec is so large that parsing and validating it takes long."""

from __future__ import annotations

from typing import Any

LARGE = 200
"""Number of nodes and edges above which a workflow takes long to parse, validate or freeze."""
LARGE_ITEMS, LARGE_TEXT = 5_000, 64 * 1024
"""Number of list items and object fields, and of string characters, above which a spec is large."""


def is_large(*specs: Any) -> bool:
    """Whether raw specs have many nodes and edges, or many or long values; tolerates any shape."""
    graphs = (
        spec.get(key) for spec in specs if isinstance(spec, dict) for key in ("nodes", "edges")
    )
    if sum(len(items) for items in graphs if isinstance(items, list)) > LARGE:
        return True
    items = text = 0
    stack: list[Any] = list(specs)
    while stack:
        value = stack.pop()
        if isinstance(value, str):
            text += len(value)
        elif isinstance(value, dict | list):
            items += len(value)
            if items <= LARGE_ITEMS:
                stack.extend(value)
                stack.extend(value.values() if isinstance(value, dict) else ())
        if items > LARGE_ITEMS or text > LARGE_TEXT:
            return True
    return False
