"""Reads YAML and JSON as kubectl does, limited to values that JSON can represent."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any

import yaml

from orchestrator.formats.scalars import as_json
from orchestrator.formats.yaml_loader import MAX_DEPTH, Loader, Reader
from orchestrator.models.base import Json
from orchestrator.validation.problem import join

MAX_VALUES = 500_000
"""Maximum number of values in a document, with aliases expanded: a few lines can expand to
billions."""
_SEPARATOR = "---"
_BLANKS = re.compile(r"[ \t\r\n]*")


class NotReadableError(ValueError):
    """The text is not valid; the message is one line with the location."""


def read_yaml(text: str, max_values: int = MAX_VALUES) -> Iterator[Json]:
    """The documents in a text, which may be JSON objects one after the other.

    Raises NotReadableError.
    """
    try:
        for document in _documents(text):
            _check(document, max_values)
            yield document
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        if isinstance(error, NotReadableError):
            raise
        raise NotReadableError(f"this is not YAML: {_words(error)}") from error


def _words(error: Exception) -> str:
    """What is wrong and where, on one line, and what helps where that is known."""
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return " ".join(str(error).split())
    mark, problem = error.problem_mark, " ".join(str(error.problem or error.context).split())
    hint = next((hint for start, hint in _HINTS.items() if problem.startswith(start)), "")
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}{hint}"


_HINTS = {
    "found a tab character": "; indent with spaces",
    "found character '\\t'": "; indent with spaces",
    "mapping values are not allowed here": "; quote a text that contains `: `, and check the"
    " indentation of this line and the one before",
    "expected <block end>": "; check the indentation of this line and those before",
    "expected ',' or '}'": "; quote a text that contains quotes, commas or braces",
    "expected ',' or ']'": "; quote a text that contains quotes, commas or brackets",
    "found unexpected end of stream": "; a quote is not closed",
}
"""What helps, by the beginning of PyYAML's message."""


def _documents(text: str) -> Iterator[Json]:
    """Text that begins with a brace is read as JSON as long as it is JSON, then as YAML."""
    begin, count = 0, 0
    while text[(start := _skip(text, begin)) : start + 1] == "{":
        try:
            document, begin = _JSON.raw_decode(text, start)
        except (ValueError, RecursionError) as error:
            if isinstance(error, NotReadableError) or count > 1:
                raise
            break
        count += 1
        yield document
    if count == 0 or text[start:]:
        yield from _yaml_documents(text[begin:], text.count("\n", 0, begin))


def _skip(text: str, begin: int) -> int:
    match = _BLANKS.match(text, begin)
    return match.end() if match else begin


def _yaml_documents(text: str, first: int) -> Iterator[Json]:
    """Splits documents at lines that begin with `---`, before anything is parsed."""
    lines: list[str] = []
    number, begun = first, False
    for at, line in enumerate(text.replace("\r\n", "\n").removesuffix("\n").split("\n"), first):
        if not line.startswith(_SEPARATOR):
            lines.append(f"{line}\n")
            continue
        rest = line[len(_SEPARATOR) :].strip()
        if rest and not rest.startswith("#"):
            raise NotReadableError(f"line {at + 1}: nothing but a comment may follow ---")
        yield from _yaml_document("".join(lines), number, begun)
        lines, number, begun = [], at + 1, True
    yield from _yaml_document("".join(lines), number, begun)


def _yaml_document(text: str, line: int, begun: bool) -> Iterator[Json]:
    """One document; an empty one only if a separator begins it."""
    loader = Loader(text)
    loader.line = line
    try:
        node = loader.get_single_node()
        if node is not None or begun:
            yield None if node is None else Reader().value(node)
    finally:
        loader.dispose()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise NotReadableError(f"the key {twice!r} is defined twice")
    return found


def _constant(name: str) -> Json:
    raise ValueError(f"{name} is not JSON")


_JSON = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_int=lambda digits: as_json(int(digits)),
    parse_float=lambda digits: as_json(float(digits)),
    parse_constant=_constant,
)


def _check(document: Json, max_values: int) -> None:
    stack = [(document, "", 0)]
    values = 0
    while stack:
        value, path, depth = stack.pop()
        values += 1
        if values > max_values:
            raise NotReadableError(f"it holds more than {max_values} values")
        if depth > MAX_DEPTH:
            raise NotReadableError(f"{path[:64]}…: is nested more than {MAX_DEPTH} deep")
        if isinstance(value, dict):
            for key, item in value.items():
                _check_scalar(key, path)
                stack.append((item, join(path, str(key)), depth + 1))
        elif isinstance(value, list):
            stack.extend((item, join(path, at), depth + 1) for at, item in enumerate(value))
        else:
            _check_scalar(value, path)


def _check_scalar(value: Any, path: str) -> None:
    where = f"{path}: " if path else ""
    if isinstance(value, float) and not math.isfinite(value):
        raise NotReadableError(f"{where}{value} is not a JSON number; quote it")
    if isinstance(value, str) and any("\ud800" <= letter <= "\udfff" for letter in value):
        raise NotReadableError(f"{where}this is not Unicode: half of a surrogate pair")
