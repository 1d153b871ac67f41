"""Reads JSON from the API server, however deep it is nested.

The API server accepts objects nested 10,000 deep (the limit of sigs.k8s.io/json) in free-form
fields, while orjson reads some 1,000 levels and writes some 250. None of our values may be nested
deeper than 64, so deeper levels are cut, and the code that reads the value refuses it.
"""

from __future__ import annotations

import re
from typing import Any

import orjson

MAX_DEPTH = 200
"""Maximum nesting that is kept; deeper values are null."""
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]')


def loads(data: bytes) -> Any:
    """The value; ValueError if it is not JSON."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return orjson.loads(_cut(data))


def dumps(value: Any) -> bytes:
    """The value as JSON; levels that no reader of ours accepts are null."""
    try:
        return orjson.dumps(value)
    except TypeError:  # its limit of nesting, of which it does not say more
        return orjson.dumps(shallow(value))


def shallow(value: Any, depth: int = MAX_DEPTH) -> Any:
    """The value without levels deeper than this."""
    if isinstance(value, dict):
        return {key: shallow(item, depth - 1) for key, item in value.items()} if depth else None
    if isinstance(value, list):
        return [shallow(item, depth - 1) for item in value] if depth else None
    return value


def _cut(data: bytes) -> bytes:
    kept: list[bytes] = []
    depth = done = 0
    for token in _TOKEN.finditer(data):
        match token[0]:
            case b"[" | b"{":
                depth += 1
                if depth == MAX_DEPTH + 1:
                    kept += data[done : token.start()], b"null"
            case b"]" | b"}":
                if depth == MAX_DEPTH + 1:
                    done = token.end()
                depth -= 1
    return b"".join([*kept, data[done:]])
