"""YAML as kubectl reads it (YAML 1.1), and nothing in it that JSON cannot say."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator
from typing import Any

import yaml

from orchestrator.models.base import Json
from orchestrator.validation.problem import join

MAX_DEPTH = 100
"""Deepest nesting; an alias that contains itself has no end."""
MAX_VALUES = 500_000
"""Most values in a document, aliases followed: a few lines of them can stand for billions."""


class NotReadableError(ValueError):
    """The text is not what is expected: in one line, with where it is wrong."""


def read_yaml(text: str) -> Iterator[Json]:
    """The documents of a text. Raises NotReadableError."""
    try:
        for document in yaml.load_all(text, _Loader):
            _check(document)
            yield document
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        if isinstance(error, NotReadableError):
            raise
        words = " ".join(str(error).split())
        raise NotReadableError(f"this is not YAML: {words}") from error


def _check(document: Json) -> None:
    stack = [(document, "", 0)]
    values = 0
    while stack:
        value, path, depth = stack.pop()
        values += 1
        if values > MAX_VALUES:
            raise NotReadableError(f"it holds more than {MAX_VALUES} values")
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
        raise NotReadableError(f"{where}{value} is no number that JSON knows; quote it")
    if isinstance(value, str) and any("\ud800" <= letter <= "\udfff" for letter in value):
        raise NotReadableError(f"{where}this is not Unicode: half of a surrogate pair")
    if value is not None and not isinstance(value, str | int | float):
        raise NotReadableError(f"{where}JSON knows no {type(value).__name__}; write a string")


class _Loader(yaml.SafeLoader):
    """A key that stands there twice is a mistake."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Any] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"the key {key.value!r} stands there twice", key.start_mark
                    )
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def _timestamp(loader: _Loader, node: yaml.ScalarNode) -> str:
    return str(loader.construct_scalar(node))


# JSON has no dates: kubectl keeps what looks like one as the text that was written.
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _timestamp)
