"""The bounds of an expression's intermediate values and of its result."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection
from typing import Any

import orjson
from jinja2 import Undefined

from orchestrator.expressions.budget import charge
from orchestrator.expressions.comparing import MAX_DEPTH as MAX_DEPTH
from orchestrator.expressions.comparing import walk
from orchestrator.expressions.errors import ExpressionError, SecretValue, kind

MAX_RESULT = 64 * 1024
"""Maximum size of a result, in bytes of JSON."""
MAX_INTERMEDIATE = 256 * 1024
"""Maximum size of an intermediate string, list or JSON text, in bytes."""
MAX_PARSED = 16 * 1024
"""Maximum length of JSON that an expression may parse: the parsed value takes much more memory."""
MAX_INTEGER = 2**63 - 1
"""Maximum integer: Kubernetes and the JSON parsers of most languages support 64 bits."""


def check_result(value: Any) -> Any:
    """The value itself if it is a JSON value of at most 64 KiB; ExpressionError otherwise."""
    if value is None or value is True or value is False:
        return value
    if type(value) is str and len(value) < MAX_RESULT // 8:
        value.isascii() or _encode(value)
        return value
    if len(to_json(value, MAX_RESULT)) > MAX_RESULT:
        raise ExpressionError(f"the result exceeds {MAX_RESULT // 1024} KiB")
    return value


def to_json(value: Any, limit: int = MAX_INTERMEDIATE) -> bytes:
    """Compact JSON; ExpressionError for a value that is not JSON or clearly exceeds the limit."""
    _measure(value, limit)
    return _encode(value)


def to_text(value: Any) -> str:
    """A value inside a longer string: strings as they are, everything else as JSON."""
    return value if type(value) is str else to_json(value).decode()


def length_of(value: Any) -> int:
    """Approximate size of a value in bytes of JSON; a value that is not JSON counts little."""
    match value:
        case str():
            return len(value) + 2
        case list():
            return 2 + sum(length_of(item) for item in value)
        case dict():
            return 2 + sum(len(key) + 3 + length_of(item) for key, item in value.items())
        case _:
            return 4


def check_length(length: int) -> None:
    """Raise ExpressionError if an intermediate value of this length is not allowed."""
    if length > MAX_INTERMEDIATE:
        raise ExpressionError(f"an intermediate value exceeds {MAX_INTERMEDIATE // 1024} KiB")


def check_number(value: Any) -> Any:
    """The number itself if it is finite, real and, as an integer, of at most 64 bits."""
    if type(value) is int and abs(value) > MAX_INTEGER:
        raise ExpressionError("an integer exceeds 64 bits")
    if type(value) is float and not math.isfinite(value):
        raise ExpressionError("a number is too large, or not a number")
    if type(value) is complex:
        raise ExpressionError("a negative number has no real root")
    return value


def is_number(value: Any) -> bool:
    """Whether the value is a number; a boolean is not."""
    return type(value) is int or type(value) is float


def require_defined(value: Any) -> Any:
    """The value itself; a missing value or a secret raises an error that names it."""
    if isinstance(value, Undefined):
        value._fail_with_undefined_error()
    if type(value) is SecretValue:
        raise ExpressionError("a secret can only be passed on whole")
    return value


def _encode(value: Any) -> bytes:
    try:
        encoded = orjson.dumps(value)
    except TypeError as error:
        raise ExpressionError(f"not a JSON value: {error}") from error
    charge(1 + len(encoded) // 64)
    return encoded


_WEIGHTS = {type(None): 5, bool: 5, int: 2, float: 2, str: 1, list: 1, dict: 1}
"""Minimum size of a value in bytes, by its type, without its contents."""


def _measure(value: Any, limit: int) -> None:
    """Raise ExpressionError if a value exceeds the limit, before it is encoded: the encoded form of
    a value with many references to the same object can take much more memory."""
    charge(12)
    if type(value) is str and len(value) <= limit:
        return
    size = _weigh([value], Counter((type(value),)))
    for container, items, types in walk(value):
        size += _weigh(items, types)
        size += len(container) if type(container) is list else sum(map(_key_length, container))
        if size > limit:
            break
    if size > limit:
        raise ExpressionError(f"a value exceeds {limit // 1024} KiB")


def _weigh(items: Collection[Any], types: Counter[type]) -> int:
    """Minimum size of values in bytes, without their contents; ExpressionError if not JSON."""
    if not types.keys() <= _WEIGHTS.keys():
        _refuse_all(items)
    size = sum(_WEIGHTS[kind] * count for kind, count in types.items())
    if str in types:
        size += sum(len(item) for item in items if type(item) is str)
        charge(types[str] // 2)
    if int in types or float in types:
        for item in items:
            check_number(item)
        charge(len(items))
    return size


def _refuse_all(items: Collection[Any]) -> None:
    for item in items:
        require_defined(item)
        if type(item) not in _WEIGHTS:
            raise ExpressionError(f"{kind(item)} cannot be a result")


def _key_length(key: Any) -> int:
    if type(key) is not str:
        raise ExpressionError(f"the keys of an object are strings, not {kind(key)}")
    return len(key)
