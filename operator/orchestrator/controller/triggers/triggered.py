"""What a look at a trigger rests on: its spec, its mark, and the executions that it made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.engine.retention import ended_at
from orchestrator.engine.times import from_rfc3339
from orchestrator.kube.cache import Raw
from orchestrator.models.labels import DEDUPE, EVENT
from orchestrator.models.trigger import TriggerSpec
from orchestrator.validation.parse import parse
from orchestrator.validation.trigger import validate_trigger

Made = tuple[float, Mapping[str, str]]
"""An execution that a trigger made: its creation in seconds since the epoch, and its labels."""
FARTHEST = 24 * 3600.0
"""Seconds by which a mark may be ahead of a clock that was put back."""


def parsed(raw: Raw) -> TriggerSpec | None:
    """The spec of a trigger; None when it cannot be valid."""
    spec = parse(TriggerSpec, dict(raw.get("spec") or {}))
    if not isinstance(spec, TriggerSpec) or validate_trigger(spec):
        return None
    return spec


def essence_of(ended: Raw) -> Raw:
    """What it takes to know whether a trigger listens: an execution can be a megabyte."""
    metadata, status = ended["metadata"], ended.get("status") or {}
    return {
        "metadata": {key: metadata[key] for key in ("namespace", "name", "uid")},
        "spec": {"workflow": ended["spec"]["workflow"]},
        "status": {"phase": status.get("phase"), "finishedAt": status.get("finishedAt")},
    }


def has_ended(raw: Raw) -> bool:
    """Whether an execution has ended, at a time that can be read."""
    return ended_at(raw.get("status") or {}) is not None


def mark_of(text: str | None, began: float, now: float) -> float:
    """The mark of a trigger; one that somebody edited out of reason stands for its creation."""
    try:
        mark = from_rfc3339(text or "")
    except ValueError:
        return began
    return mark if mark < now + FARTHEST else began


def delivered(made: list[Made], manifest: Mapping[str, Any]) -> bool:
    """Whether an execution stands for this very event."""
    event = manifest["metadata"]["labels"][EVENT]
    return any(labels.get(EVENT) == event for _, labels in made)


def newest_of(made: list[Made], dedupe: str) -> float:
    """When the newest execution of the key was created; 0 when there is none."""
    return max((moment for moment, labels in made if labels.get(DEDUPE) == dedupe), default=0.0)
