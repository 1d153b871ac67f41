"""The initiator of an execution: its requester, or the person behind the event that started it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

UNKNOWN = ""
"""A person is behind it, and nothing says who."""


def initiator_of(spec: Mapping[str, Any], *, trusted: bool = True) -> str | None:
    """The person behind an execution's spec; None where a trigger without a person started it.

    Where the spec was written without the policies (not `trusted`), who is behind it is unknown.

    An execution that neither a person put their name to nor a trigger started was created by hand:
    someone is behind it, so what excludes the requester cannot know whom to exclude. A
    sub-execution carries what its parent has.
    """
    if not trusted:
        return UNKNOWN
    if named := spec.get("requester"):
        return str(named)
    trigger: Mapping[str, Any] | None = spec.get("trigger")
    if not trigger:
        return UNKNOWN
    person = trigger.get("requester")
    return None if person is None else str(person)
