"""The writes that operations return and their callers send."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

EXECUTION = "WorkflowExecution"
Raw = Mapping[str, Any]
"""An object as the API server returns it."""
Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Merge:
    """A JSON merge patch (RFC 7386) of an object, sent with a field manager if one is named."""

    kind: str
    name: str
    body: Manifest
    manager: str = ""


@dataclass(frozen=True, slots=True)
class Apply:
    """A manifest for server-side apply, whose fields this manager takes over from others."""

    manifest: Manifest
    manager: str


@dataclass(frozen=True, slots=True)
class Edit:
    """A JSON Patch (RFC 6902) of an object; it fails if the object has changed since."""

    kind: str
    name: str
    steps: list[Manifest]


@dataclass(frozen=True, slots=True)
class Delete:
    """The deletion of an object, if it still has this uid."""

    kind: str
    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class Unchanged:
    """No write is needed; the message says why, as a predicate of the object."""

    message: str
