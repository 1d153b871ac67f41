"""Comparison and membership, charged by the size of the values, and hashed where that is faster.

Equality is Python's: `true == 1 == 1.0`, lists item by item, objects key by key.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Hashable, Iterator
from typing import Any

import orjson
from jinja2 import Undefined

from orchestrator.expressions.budget import charge, memory
from orchestrator.expressions.errors import ExpressionError

MAX_DEPTH = 64
"""Maximum nesting depth of a value."""
SCALARS = frozenset({type(None), bool, int, float, str})
_SHORT = 8
"""Maximum length of a list that is searched item by item."""
_EXACT = 2.0**63
_UNKNOWN = object()
"""The canonical form of a value that has none, such as a missing value."""

Walked = tuple[Any, Collection[Any], Counter[type]]


def walk(value: Any) -> Iterator[Walked]:
    """Every list and object inside a value, with its items and the number of items by type.

    Charges for each; raises ExpressionError if they are nested more than 64 deep.
    """
    stack: list[tuple[Any, int]] = [(value, 0)] if type(value) in (list, dict) else []
    while stack:
        container, depth = stack.pop()
        if depth > MAX_DEPTH:
            raise ExpressionError(f"a value is nested more than {MAX_DEPTH} deep")
        charge(28 + len(container) // 2)
        items = container if type(container) is list else container.values()
        types = Counter(map(type, items))
        if list in types or dict in types:
            stack.extend((item, depth + 1) for item in items if type(item) in (list, dict))
        yield container, items, types


def weigh(value: Any) -> None:
    """Charge for one traversal of the whole value."""
    if type(value) is str:
        charge(1 + len(value) // 64)
    elif type(value) in (list, dict):
        for _, items, types in walk(value):
            if str in types:
                charge(sum(len(item) for item in items if type(item) is str) // 64 + types[str])
    else:
        charge(1)


def equal(left: Any, right: Any) -> bool:
    """Whether the values are equal."""
    if type(left) in (str, list, dict) and type(left) is type(right) and len(left) == len(right):
        weigh(left)
    else:
        charge(1)
    return bool(left == right)


def within(item: Any, container: Any) -> bool:
    """Whether a list contains the item, an object the key, or a string the substring."""
    if type(container) is list:
        return _is_member(item, container)
    if type(container) is str and type(item) is str:
        charge_search(container, item)
    else:
        charge(1)
    return bool(item in container)


def charge_search(text: str, part: str) -> None:
    """Charge for finding every occurrence of a part in a string.

    The worst case of CPython's search (stringlib/fastsearch.h): length of the part times length of
    the string when either is short, linear otherwise.
    """
    length, size = len(text), len(part)
    each = size if length < 2500 or size < 6 or (size < 100 and length < 30_000) else 8
    charge(1 + length * min(max(each, 1), length) // 64)


def _is_member(item: Any, container: list[Any]) -> bool:
    if len(container) > _SHORT and (key := canonical(item)) is not _UNKNOWN:
        members = _members(container)
        if members is not None:
            return key in members
    for other in container:
        if isinstance(item, Undefined) or isinstance(other, Undefined):
            charge(1)
            if item is other or item == other:  # raises an error that names the missing key
                return True
        elif item is other or equal(item, other):
            return True
    return False


def _members(container: list[Any]) -> frozenset[Hashable] | None:
    """The canonical forms of a list's items, computed once per evaluation; None if an item has
    none."""
    cache = memory()
    key = "members", id(container)
    if key not in cache:
        types = Counter(map(type, container))
        charge(1 + len(container))
        if float not in types and all(kind in SCALARS for kind in types):
            charge(len(container))
            forms = frozenset(container)
        else:
            forms = frozenset(map(canonical, container))
        # The container is kept as well, so that its id stays unique.
        cache[key] = container, None if _UNKNOWN in forms else forms
    members: frozenset[Hashable] | None = cache[key][1]
    return members


def canonical(value: Any) -> Any:
    """The canonical form: equal, with the same hash, only for equal values.

    Non-integer numbers, lists and objects become bytes, whose hashes are keyed: no author can
    choose values that all collide.
    """
    charge(2)
    if type(value) is float:
        charge(2)
        if not math.isfinite(value):
            return _UNKNOWN
        whole = value.is_integer() and abs(value) < _EXACT
        return int(value) if whole else repr(value).encode()
    if type(value) in SCALARS:
        return value
    if type(value) not in (list, dict):
        return _UNKNOWN
    charge(12)
    weigh(value)
    try:
        return orjson.dumps(_normal(value), option=orjson.OPT_SORT_KEYS)
    except TypeError:  # a key that is not a string, or a value that is not JSON
        return _UNKNOWN


def _normal(value: Any) -> Any:
    charge(4)
    match value:
        case bool() | float():
            return _number(value)
        case list():
            return [_normal(item) for item in value]
        case dict():
            return {key: _normal(item) for key, item in value.items()}
        case _:
            return value


def _number(value: float) -> Any:
    """One form for equal numbers: 1 for true and 1.0; floats beyond 64 bits equal no integer."""
    if not math.isfinite(value):
        raise TypeError("not a number")
    return int(value) if abs(value) < _EXACT and value == int(value) else value


class Operand:
    """An operand of a comparison, which charges for Python's operators."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return equal(self.value, _value(other))

    def __ne__(self, other: object) -> bool:
        return not equal(self.value, _value(other))

    def __lt__(self, other: Operand) -> bool:
        return bool(self._weighed(other) < other.value)

    def __le__(self, other: Operand) -> bool:
        return bool(self._weighed(other) <= other.value)

    def __gt__(self, other: Operand) -> bool:
        return bool(self._weighed(other) > other.value)

    def __ge__(self, other: Operand) -> bool:
        return bool(self._weighed(other) >= other.value)

    def __contains__(self, item: Operand) -> bool:
        return within(item.value, self.value)

    __hash__ = None  # type: ignore[assignment]

    def _weighed(self, other: Operand) -> Any:
        """The operand, after charging: a comparison ends at the end of its shorter operand."""
        left, right = self.value, other.value
        sized = type(left) in (str, list) and type(left) is type(right)
        weigh(right if sized and len(right) < len(left) else left)
        return left


def _value(other: object) -> Any:
    return other.value if isinstance(other, Operand) else other
