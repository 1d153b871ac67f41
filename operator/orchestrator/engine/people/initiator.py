"""The initiator of an execution: its requester, or the person behind the event that started it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

UNKNOWN = ""
"""A person started it, but it is unknown who."""


def initiator_of(spec: Mapping[str, Any], *, trusted: bool = True) -> str | None:
    """The person who started an execution, from its spec; None if a trigger without a person did.

    If the spec was written without the policies (not `trusted`), the person is unknown.

    An execution with neither a requester nor a trigger was created by hand: a person started it, so
    `excludeRequester` cannot know whom to exclude. A sub-execution inherits from its parent.
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
