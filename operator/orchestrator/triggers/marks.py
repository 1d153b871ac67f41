"""The mark of a trigger that follows changes: the resourceVersion up to which they were handled.

It is stored as RESOURCEVERSION/TIME/SETTINGS. TIME is when that version was reached. SETTINGS is a
hash of what the trigger listens to: after an edit, earlier changes are not for it, even if no
operator observed the edit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from orchestrator.engine.times import from_rfc3339, to_rfc3339
from orchestrator.triggers.registry import Trigger


@dataclass(frozen=True, slots=True)
class Mark:
    """All changes up to a version have been handled."""

    version: int
    """The resourceVersion."""
    at: float
    """When it was reached, in seconds since the epoch."""
    settings: str
    """The hash of what the trigger listens to."""

    def __str__(self) -> str:
        return f"{self.version}/{to_rfc3339(self.at)}/{self.settings}"


def read_mark(text: str | None, settings: str) -> Mark | None:
    """The mark of a status; None if it is absent, unreadable, or of other settings."""
    version, _, rest = (text or "").partition("/")
    time, _, found = rest.partition("/")
    if found != settings or not version.isdecimal() or len(version) > 20:
        return None
    try:
        return Mark(int(version), from_rfc3339(time), settings)
    except ValueError:
        return None


def start_mark(metadata: Mapping[str, Any], version: int, settings: str, now: float) -> Mark:
    """The mark of a trigger whose settings were first seen at this version of it.

    A trigger that was never edited counts from its creation, even if no operator ran then.
    """
    created = from_rfc3339(metadata["creationTimestamp"])
    at = min(created, now) if metadata.get("generation", 1) == 1 else now
    return Mark(version, at, settings)


def settings_hash(trigger: Trigger) -> str:
    """The hash of what a trigger listens to."""
    settings = trigger.settings.model_dump(mode="json", by_alias=True)
    text = orjson.dumps([trigger.type.key, settings], option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(text, digest_size=6).hexdigest()
