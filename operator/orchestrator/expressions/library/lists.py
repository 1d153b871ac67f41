"""Filters over lists and objects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from orchestrator.expressions.bounds import (
    check_length,
    require_defined,
    to_json,
    to_text,
)
from orchestrator.expressions.budget import charge
from orchestrator.expressions.comparing import within
from orchestrator.expressions.library.guards import (
    a_list,
    a_string,
    an_object,
    require,
    scalars,
)
from orchestrator.expressions.lookup import lookup


def length(value: Any) -> int:
    """Characters of a string, items of a list, keys of an object."""
    return len(require(value, "a string, a list or an object", str, list, dict))


def join(value: Any, separator: Any = "") -> str:
    """The items of a list as one string."""
    between, parts, total = a_string(separator), [], 0
    for item in a_list(value):
        charge(3)
        parts.append(to_text(item))
        total += len(parts[-1]) + len(between)
        check_length(total)
    charge(total // 64)
    return between.join(parts)


def concat(value: Any) -> str:
    """The operator `~`."""
    return join(value)


def part(value: Any, start: Any, stop: Any, step: Any) -> Any:
    """The brackets `[start:stop:step]`, over a list or a string."""
    for bound in (start, stop, step):
        if bound is not None:
            require(bound, "an integer", int)
    result = require(value, "a list or a string", list, str)[start:stop:step]
    charge(1 + len(result) // 16)
    return result


def first(value: Any) -> Any:
    """The first item of a list or character of a string; missing if it is empty."""
    return lookup(require(value, "a list or a string", list, str), 0, "an empty list")


def last(value: Any) -> Any:
    """The last item of a list or character of a string; missing if it is empty."""
    return lookup(require(value, "a list or a string", list, str), -1, "an empty list")


def sort(value: Any, reverse: bool = False) -> list[Any]:
    """Strings or numbers in ascending order."""
    items = scalars(value)
    charge_sort(items)
    return sorted(items, reverse=reverse is True)


def charge_sort(items: list[Any]) -> None:
    """Charge for sorting strings or numbers: each goes through about log n comparisons."""
    rounds = len(items).bit_length()
    size = sum(map(len, items)) if items and type(items[0]) is str else 0
    charge(1 + len(items) + rounds * (len(items) + size // 16) // 8)


def reverse(value: Any) -> list[Any]:
    """The items in reverse order."""
    charge(1 + len(a_list(value)) // 16)
    return a_list(value)[::-1]


def unique(value: Any) -> list[Any]:
    """The distinct items, in the order of their first occurrence."""
    seen: dict[bytes, Any] = {}
    total = 0
    for item in a_list(value):
        charge(12)
        key = to_json(item)
        total += len(key)
        check_length(total)
        seen.setdefault(key, item)
    return list(seen.values())


def minimum(value: Any) -> Any:
    """The smallest item of a list of strings or numbers; missing if it is empty."""
    items = scalars(value)
    return min(items) if items else first(items)


def maximum(value: Any) -> Any:
    """The largest item of a list of strings or numbers; missing if it is empty."""
    items = scalars(value)
    return max(items) if items else first(items)


def keys(value: Any) -> list[str]:
    """The keys of an object, sorted."""
    names = list(an_object(value))
    charge_sort(names)
    return sorted(names)


def values(value: Any) -> list[Any]:
    """The values of an object, in the order of its sorted keys."""
    fields = an_object(value)
    return [fields[key] for key in keys(fields)]


def contains(value: Any, part: Any) -> bool:
    """Whether a string contains a substring, a list an item, or an object a key."""
    charge(3)
    require_defined(part)
    if type(require(value, "a string, a list or an object", str, list, dict)) is not list:
        a_string(part)
    return within(part, value)


FILTERS: dict[str, Callable[..., Any]] = {
    "contains": contains,
    "count": length,
    "first": first,
    "join": join,
    "keys": keys,
    "last": last,
    "length": length,
    "max": maximum,
    "min": minimum,
    "reverse": reverse,
    "sort": sort,
    "unique": unique,
    "values": values,
}
