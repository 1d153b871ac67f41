"""The bounds of values: what an expression may build, and what it may yield."""

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
"""Longest result, in bytes of JSON."""
MAX_INTERMEDIATE = 256 * 1024
"""Longest text, list or JSON that an operator or filter may build on the way."""
MAX_PARSED = 16 * 1024
"""Longest JSON text that an expression may parse: parsed values take many times its length."""
MAX_INTEGER = 2**63 - 1
"""Integers stay within what JSON parsers of all languages and Kubernetes read exactly enough."""


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
    """Compact JSON; refuses what is no JSON value, and what is clearly longer than the limit."""
    _measure(value, limit)
    return _encode(value)


def to_text(value: Any) -> str:
    """A value inside a longer text: strings as they are, everything else as JSON."""
    return value if type(value) is str else to_json(value).decode()


def length_of(value: Any) -> int:
    """About how many bytes of JSON a value takes; what is no JSON value counts little."""
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
    """Raises ExpressionError when something of this length may not be built."""
    if length > MAX_INTERMEDIATE:
        raise ExpressionError(f"a value on the way exceeds {MAX_INTERMEDIATE // 1024} KiB")


def check_number(value: Any) -> Any:
    """The number itself if it is finite, real and, as an integer, of at most 64 bits."""
    if type(value) is int and abs(value) > MAX_INTEGER:
        raise ExpressionError("an integer exceeds 64 bits")
    if type(value) is float and not math.isfinite(value):
        raise ExpressionError("a number is too large, or not a number")
    if type(value) is complex:
        raise ExpressionError("a root of a negative number is no number")
    return value


def is_number(value: Any) -> bool:
    """Whether it is a number; booleans are none."""
    return type(value) is int or type(value) is float


def require_defined(value: Any) -> Any:
    """The value itself; what is missing, and a secret, raises an error that says which it is."""
    if isinstance(value, Undefined):
        value._fail_with_undefined_error()
    if type(value) is SecretValue:
        raise ExpressionError("a secret can only be passed on whole")
    return value


def _encode(value: Any) -> bytes:
    try:
        encoded = orjson.dumps(value)
    except TypeError as error:
        raise ExpressionError(f"this is no JSON value: {error}") from error
    charge(1 + len(encoded) // 64)
    return encoded


_WEIGHTS = {type(None): 5, bool: 5, int: 2, float: 2, str: 1, list: 1, dict: 1}
"""Bytes that a value takes at least, by its type, without what is inside it."""


def _measure(value: Any, limit: int) -> None:
    """Walks a value before it is encoded, so that one made of many references costs no memory."""
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
    """Bytes that values take at least, without those inside them; ExpressionError for others."""
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
