"""The writes that commands return and their callers send."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

EXECUTION = "WorkflowExecution"
Raw = Mapping[str, Any]
"""An object as the API server has it."""
Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Merge:
    """A JSON merge patch (RFC 7386) of an object, sent under the name of a field manager if any."""

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
    """A JSON Patch (RFC 6902) of an object; it fails where the object has changed since."""

    kind: str
    name: str
    steps: list[Manifest]


@dataclass(frozen=True, slots=True)
class Delete:
    """The deletion of an object, if it is still the one of this uid."""

    kind: str
    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class Unchanged:
    """Nothing is to be sent, and why, as a predicate of the object."""

    message: str
