"""Reads the bodies of verified requests: JSON or form data, within bounds."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

import orjson

from orchestrator.triggers.sources import HttpRequest, HttpResponse

MAX_DEPTH = 64
"""Maximum nesting depth of a JSON body."""
MAX_FORM_FIELDS = 1000
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
MAX_ID = 256
"""Maximum length of a delivery id, in characters."""


def content_type(request: HttpRequest) -> str:
    """The media type of the body without its parameters, in lower case; empty if not given."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def is_json(media_type: str) -> bool:
    """Whether it is a media type of JSON, such as application/json or application/vnd.x+json."""
    main, _, sub = media_type.partition("/")
    return media_type == JSON or (main == "application" and sub.endswith("+json"))


def read_body(request: HttpRequest) -> Any | HttpResponse:
    """The value of the body: parsed JSON, the fields of a form, or None for an empty body.

    The answer says what is wrong with any other body.
    """
    media_type = content_type(request)
    if is_json(media_type):
        return read_json(request.body)
    if media_type == FORM:
        return read_form(request.body)
    if not request.body:
        return None
    given = (
        f"the content type is {media_type[:100]!r}" if media_type else "there is no content type"
    )
    return HttpResponse(415, f"{given}; send {JSON} or {FORM}")


def read_json(body: bytes) -> Any | HttpResponse:
    """The value of a JSON text."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        return HttpResponse(400, f"the body is not valid JSON: {error}")
    if _is_deeper(value, MAX_DEPTH):
        return HttpResponse(400, f"the body is nested deeper than {MAX_DEPTH} levels")
    return value


def read_form(body: bytes) -> dict[str, Any] | HttpResponse:
    """The fields of a form; a repeated one is a list."""
    try:
        fields = parse_qs(
            body.decode(), keep_blank_values=True, max_num_fields=MAX_FORM_FIELDS, errors="replace"
        )
    except ValueError as error:
        return HttpResponse(400, f"the body is not valid form data: {error}")
    return {name: values[0] if len(values) == 1 else values for name, values in fields.items()}


def body_id(request: HttpRequest) -> str:
    """The identity of a request without a delivery id: a hash of its body."""
    return f"sha256:{hashlib.sha256(request.body).hexdigest()}"


def text_of(value: Any, *path: str) -> str:
    """The text at a path of keys in a body; empty if there is none, or none of allowed length."""
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, str) and len(value) <= MAX_ID else ""


def _is_deeper(value: Any, levels: int) -> bool:
    """Whether a value is nested deeper, level by level: recursion would be bounded by the stack."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(levels):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True
