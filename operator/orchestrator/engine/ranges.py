"""Sets of indexes as Kubernetes writes them: `0-3,7`."""

from __future__ import annotations

from collections.abc import Iterable


def parse_ranges(text: str) -> set[int]:
    """The indexes in a text such as `0-3,7`."""
    found: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        if first:
            found.update(range(int(first), int(last or first) + 1))
    return found


def format_ranges(indexes: Iterable[int]) -> str:
    """The shortest text for the indexes."""
    parts: list[str] = []
    first = last = None
    for index in sorted(indexes):
        if last is not None and index == last + 1:
            last = index
            continue
        if first is not None and last is not None:
            parts.append(_part(first, last))
        first = last = index
    if first is not None and last is not None:
        parts.append(_part(first, last))
    return ",".join(parts)


def _part(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"
