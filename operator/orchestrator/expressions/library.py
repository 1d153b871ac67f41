"""The filters and tests that expressions may use: each is safe and linear in what it is given.

They differ from Jinja2's where those are lax: a wrong type is an error, never a silent default.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
from jinja2 import Undefined

from orchestrator.expressions.bounds import (
    MAX_PARSED,
    check_length,
    check_number,
    is_number,
    require_defined,
    to_json,
    to_text,
)
from orchestrator.expressions.errors import ExpressionError, kind
from orchestrator.expressions.lookup import is_secret, lookup
from orchestrator.expressions.patterns import full_match

_REFERENCE = 8
"""Bytes that each part of a split text takes at least."""


def _require(value: Any, words: str, *types: type) -> Any:
    if type(value) not in types:
        require_defined(value)
        raise ExpressionError(f"expected {words}, not {kind(value)}")
    return value


def _string(value: Any) -> str:
    text: str = _require(value, "a string", str)
    check_length(len(text))
    return text


def _list(value: Any) -> list[Any]:
    items: list[Any] = _require(value, "a list", list)
    check_length(len(items))
    return items


def _object(value: Any) -> dict[str, Any]:
    found: dict[str, Any] = _require(value, "an object", dict)
    return found


def _number(value: Any) -> Any:
    return check_number(_require(value, "a number", int, float))


def _scalars(value: Any) -> list[Any]:
    items = _list(value)
    if not (all(type(item) is str for item in items) or all(is_number(item) for item in items)):
        raise ExpressionError("expected a list of strings only, or of numbers only")
    return items


def default(value: Any, fallback: Any = "", boolean: bool = False) -> Any:
    """The fallback where the value is missing; with `true`, also where it is empty or false."""
    if is_secret(value):
        require_defined(value)
    if isinstance(value, Undefined) or (boolean is True and not value):
        return fallback
    return value


def length(value: Any) -> int:
    """Characters of a string, items of a list, keys of an object."""
    return len(_require(value, "a string, a list or an object", str, list, dict))


def lower(value: Any) -> str:
    return _string(value).lower()


def upper(value: Any) -> str:
    return _string(value).upper()


def trim(value: Any) -> str:
    """Without the white space at both ends."""
    return _string(value).strip()


def replace(value: Any, old: Any, new: Any) -> str:
    """Every `old` replaced by `new`."""
    text, before, after = _string(value), _string(old), _string(new)
    check_length(len(text) + text.count(before) * len(after))
    return text.replace(before, after)


def split(value: Any, separator: Any = None) -> list[str]:
    """Parts between separators; at white space when none is given."""
    if separator is not None and not _string(separator):
        raise ExpressionError("the separator of split is empty")
    parts = _string(value).split(separator)
    check_length(len(parts) * _REFERENCE)
    return parts


def join(value: Any, separator: Any = "") -> str:
    """The items of a list as one text."""
    between, parts, total = _string(separator), [], 0
    for item in _list(value):
        parts.append(to_text(item))
        total += len(parts[-1]) + len(between)
        check_length(total)
    return between.join(parts)


def concat(value: Any) -> str:
    """The operator `~`."""
    return join(value)


def first(value: Any) -> Any:
    """First item of a list or character of a string; missing when there is none."""
    return lookup(_require(value, "a list or a string", list, str), 0, "an empty list")


def last(value: Any) -> Any:
    """Last item of a list or character of a string; missing when there is none."""
    return lookup(_require(value, "a list or a string", list, str), -1, "an empty list")


def sort(value: Any, reverse: bool = False) -> list[Any]:
    """Strings or numbers in order."""
    return sorted(_scalars(value), reverse=reverse is True)


def reverse(value: Any) -> list[Any]:
    """The items in the opposite order."""
    return _list(value)[::-1]


def unique(value: Any) -> list[Any]:
    """Each item once, in the order of first appearance."""
    seen: dict[bytes, Any] = {}
    total = 0
    for item in _list(value):
        key = to_json(item)
        total += len(key)
        check_length(total)
        seen.setdefault(key, item)
    return list(seen.values())


def minimum(value: Any) -> Any:
    """Least of a list of strings or numbers; missing when it is empty."""
    items = _scalars(value)
    return min(items) if items else first(items)


def maximum(value: Any) -> Any:
    """Greatest of a list of strings or numbers; missing when it is empty."""
    items = _scalars(value)
    return max(items) if items else first(items)


def total(value: Any) -> Any:
    """Sum of a list of numbers."""
    return check_number(sum(_number(item) for item in _list(value)))


def absolute(value: Any) -> Any:
    return check_number(abs(_number(value)))


def rounded(value: Any, precision: Any = 0) -> Any:
    """Rounded half to even; an integer unless a precision is given."""
    digits = _require(precision, "an integer", int)
    if not 0 <= digits <= 15:
        raise ExpressionError("the precision of round is between 0 and 15")
    return check_number(round(_number(value), digits) if digits else round(_number(value)))


def integer(value: Any, fallback: Any = None) -> Any:
    """An integer from a number (cut off) or a string; an error, or the fallback, otherwise."""
    return _converted(value, int, "an integer", fallback)


def floating(value: Any, fallback: Any = None) -> Any:
    """A number from a number or a string; an error, or the fallback, otherwise."""
    return _converted(value, float, "a number", fallback)


def _converted(value: Any, convert: Callable[[Any], Any], words: str, fallback: Any) -> Any:
    require_defined(value)
    try:
        if is_number(value) or (type(value) is str and len(value) <= 64 and "_" not in value):
            return check_number(convert(value))
    except ValueError:
        pass
    if fallback is not None:
        return fallback
    raise ExpressionError(f"{to_text(value)[:64]!r} is not {words}")


def string(value: Any) -> str:
    """As text; lists and objects as JSON."""
    return to_text(value)


def tojson(value: Any) -> str:
    """As compact JSON."""
    text = to_json(value).decode()
    check_length(len(text))
    return text


def fromjson(value: Any) -> Any:
    """The value that a JSON text stands for."""
    text = _string(value)
    if len(text) > MAX_PARSED:
        raise ExpressionError(f"fromjson reads at most {MAX_PARSED // 1024} KiB")
    try:
        return orjson.loads(text)
    except (ValueError, UnicodeError) as error:
        raise ExpressionError(f"fromjson: this is not JSON: {error}") from error


def keys(value: Any) -> list[str]:
    """The keys of an object, sorted."""
    return sorted(_object(value))


def values(value: Any) -> list[Any]:
    """The values of an object, in the order of its sorted keys."""
    found = _object(value)
    return [found[key] for key in sorted(found)]


def contains(value: Any, part: Any) -> bool:
    """Whether a string holds a part, a list an item, an object a key."""
    require_defined(part)
    if type(_require(value, "a string, a list or an object", str, list, dict)) is not list:
        _string(part)
    return part in value


def startswith(value: Any, prefix: Any) -> bool:
    return _string(value).startswith(_string(prefix))


def endswith(value: Any, suffix: Any) -> bool:
    return _string(value).endswith(_string(suffix))


def matches(value: Any, pattern: Any) -> bool:
    """Whether the RE2 pattern matches the whole string."""
    return full_match(_string(pattern), _string(value))


def mapped(value: Any, name: Any = None, attribute: Any = None) -> list[Any]:
    """A filter without arguments applied to every item, or one key of every item."""
    items = _list(value)
    if (name is None) == (attribute is None):
        raise ExpressionError("map takes the name of a filter, or attribute='KEY'")
    if attribute is not None:
        return [require_defined(lookup(item, attribute, "an item")) for item in items]
    convert = _named(FILTERS, name, "filter")
    results, size = [], 0
    for item in items:
        results.append(convert(item))
        size += len(results[-1]) if type(results[-1]) in (str, list) else 1
        check_length(size)
    return results


def select(value: Any, test: Any, *arguments: Any) -> list[Any]:
    """The items for which a test holds."""
    holds = _named(TESTS, test, "test")
    return [item for item in _list(value) if holds(item, *arguments)]


def reject(value: Any, test: Any, *arguments: Any) -> list[Any]:
    """The items for which a test does not hold."""
    holds = _named(TESTS, test, "test")
    return [item for item in _list(value) if not holds(item, *arguments)]


def selectattr(value: Any, key: Any, test: Any, *arguments: Any) -> list[Any]:
    """The items whose key passes a test."""
    holds = _named(TESTS, test, "test")
    return [item for item in _list(value) if holds(lookup(item, key, "an item"), *arguments)]


def rejectattr(value: Any, key: Any, test: Any, *arguments: Any) -> list[Any]:
    """The items whose key does not pass a test."""
    holds = _named(TESTS, test, "test")
    return [item for item in _list(value) if not holds(lookup(item, key, "an item"), *arguments)]


def _named(table: dict[str, Callable[..., Any]], name: Any, what: str) -> Callable[..., Any]:
    if type(name) is not str or name not in table:
        raise ExpressionError(f"there is no {what} of this name")
    return table[name]


FILTERS: dict[str, Callable[..., Any]] = {
    "abs": absolute,
    "contains": contains,
    "count": length,
    "d": default,
    "default": default,
    "endswith": endswith,
    "first": first,
    "float": floating,
    "fromjson": fromjson,
    "int": integer,
    "join": join,
    "keys": keys,
    "last": last,
    "length": length,
    "lower": lower,
    "map": mapped,
    "matches": matches,
    "max": maximum,
    "min": minimum,
    "reject": reject,
    "rejectattr": rejectattr,
    "replace": replace,
    "reverse": reverse,
    "round": rounded,
    "select": select,
    "selectattr": selectattr,
    "sort": sort,
    "split": split,
    "startswith": startswith,
    "string": string,
    "sum": total,
    "tojson": tojson,
    "trim": trim,
    "unique": unique,
    "upper": upper,
    "values": values,
}
"""Every filter, by the name that expressions use."""


def _is(*types: type) -> Callable[[Any], bool]:
    return lambda value: type(require_defined(value)) in types


def defined(value: Any) -> bool:
    if is_secret(value):
        require_defined(value)
    return not isinstance(value, Undefined)


def undefined(value: Any) -> bool:
    return not defined(value)


def equal(value: Any, other: Any) -> bool:
    return bool(require_defined(value) == require_defined(other))


def unequal(value: Any, other: Any) -> bool:
    return not equal(value, other)


def within(value: Any, container: Any) -> bool:
    return contains(container, value)


TESTS: dict[str, Callable[..., bool]] = {
    "boolean": _is(bool),
    "contains": contains,
    "defined": defined,
    "endswith": endswith,
    "eq": equal,
    "equalto": equal,
    "float": _is(float),
    "ge": lambda value, other: bool(value >= other),
    "gt": lambda value, other: bool(value > other),
    "in": within,
    "integer": _is(int),
    "le": lambda value, other: bool(value <= other),
    "lt": lambda value, other: bool(value < other),
    "mapping": _is(dict),
    "matches": matches,
    "ne": unequal,
    "none": _is(type(None)),
    "number": _is(int, float),
    "sequence": _is(list),
    "startswith": startswith,
    "string": _is(str),
    "undefined": undefined,
}
"""Every test, by the name that expressions use after `is`."""

NAMING = {
    "map": (0, FILTERS, "filter"),
    "select": (0, TESTS, "test"),
    "reject": (0, TESTS, "test"),
    "selectattr": (1, TESTS, "test"),
    "rejectattr": (1, TESTS, "test"),
}
"""Filters of which an argument (at this place) names a filter or a test."""
