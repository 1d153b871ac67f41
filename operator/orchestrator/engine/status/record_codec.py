"""Reads and writes a node's record in `status.nodes`, by the fields of `Record` alone.

A field's key is its name in camelCase. A field with its default value is absent. Phases and times
are strings in a status; fields of type float are times.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from operator import attrgetter
from typing import Any, get_type_hints

from pydantic.alias_generators import to_camel

from orchestrator.engine.status.records import Record, clip
from orchestrator.engine.times import from_rfc3339, to_rfc3339
from orchestrator.models.execution import NodePhase

_TYPES = get_type_hints(Record)
_READERS: Mapping[object, Callable[[Any], Any]] = {
    NodePhase: NodePhase,
    float | None: from_rfc3339,
}
_WRITERS: Mapping[object, Callable[[Any], Any]] = {
    NodePhase: str,
    float | None: to_rfc3339,
    Mapping[str, Any]: dict,
}


class FieldError(ValueError):
    """A value that its field cannot have."""

    def __init__(self, key: str, value: object) -> None:
        super().__init__(f"{key}: {value!r}")
        self.key, self.value = key, value


def keys_of(kind: object) -> dict[str, str]:
    """The keys of all fields of a type, by the fields' names."""
    return {name: to_camel(name) for name, its in _TYPES.items() if its == kind}


def record_from_status(raw: Mapping[str, Any]) -> Record:
    """A record from `status.nodes`.

    FieldError for an invalid phase or time, TypeError if there is no phase.
    """
    known: dict[str, Any] = {}
    for key, value in raw.items():
        if key not in _BY_KEY or value is None:
            continue
        name, read = _BY_KEY[key]
        try:
            known[name] = value if read is None else read(value)
        except (TypeError, ValueError) as error:
            raise FieldError(key, value) from error
    return Record(**known)


def record_to_status(record: Record) -> dict[str, Any]:
    """A record for `status.nodes`: compact, without empty fields."""
    raw: dict[str, Any] = {}
    for key, optional, write, value in zip(_KEYS, _OPTIONAL, _WRITE, _values(record), strict=False):
        # Every default is empty; 0 and the like are defaults of fields that cannot be None.
        if value or (optional and value is not None):
            raw[key] = value if write is None else write(value)
    return raw


def record_to_patch(record: Record) -> dict[str, Any]:
    """A record for a merge patch: a null removes each field that it no longer has."""
    return {**_NULLS, **record_to_status(record)}


def _writer(name: str) -> Callable[[Any], Any] | None:
    return clip if name == "message" else _WRITERS.get(_TYPES[name])


_NAMES = tuple(field.name for field in fields(Record))
_BY_KEY = {to_camel(name): (name, _READERS.get(_TYPES[name])) for name in _NAMES}
_KEYS = tuple(_BY_KEY)
_OPTIONAL = tuple(field.default is None for field in fields(Record))
_WRITE = tuple(_writer(name) for name in _NAMES)
_NULLS = dict.fromkeys(_BY_KEY)
_values: Callable[[Record], tuple[Any, ...]] = attrgetter(*_NAMES)
