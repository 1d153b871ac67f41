"""Executions over the rateLimit of their Trigger: they wait for their slot, or make way for a newer
one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.engine.lifecycle.admission import Refusal
from orchestrator.engine.times import from_rfc3339
from orchestrator.models.execution import ExecutionPhase
from orchestrator.models.reasons import Reason
from orchestrator.models.trigger import LimitPolicy

Raw = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Slot:
    """What an execution waits for."""

    message: str
    seconds: float
    """Seconds until it may start."""


def waits_for_slot(execution: Raw, now: float) -> Slot | None:
    """The slot for which a queued execution waits; None if it may start."""
    at = _not_before(execution)
    if at is None or now >= at:
        return None
    reference = execution["spec"]["trigger"]
    message = (
        f"over the rateLimit of Trigger {reference['name']}: starts at {reference['notBefore']}"
    )
    return Slot(message, at - now)


def starts_if_newest(execution: Raw) -> bool:
    """Whether an execution that has waited for its slot starts only if it is the newest. A cache
    cannot say: it may lack a newer one, and of those that ended it has only the metadata."""
    return _is_replaceable(execution) and _not_before(execution) is not None


def replaced_by_newer(execution: Raw, others: Iterable[Raw]) -> Refusal | None:
    """Ends a queued execution that a newer one of the same Trigger replaces, whether that one
    still waits or not."""
    if not _is_replaceable(execution):
        return None
    newer = [each for each in _siblings(execution, others) if _replaces(each, execution)]
    if not newer:
        return None
    name, trigger = newer[0]["metadata"]["name"], execution["spec"]["trigger"]["name"]
    message = f"{name} replaces it: over the rateLimit of Trigger {trigger}, only the newest starts"
    return Refusal(Reason.REPLACED, message, ExecutionPhase.CANCELLED)


def replaces(execution: Raw, others: Iterable[Raw]) -> Iterator[Raw]:
    """The queued executions that this one replaces."""
    if _is_replaceable(execution):
        for each in _siblings(execution, others):
            started = (each.get("status") or {}).get("startedAt")
            if started is None and _replaces(execution, each):
                yield each


def _siblings(execution: Raw, others: Iterable[Raw]) -> Iterator[Raw]:
    """The other executions of the same Trigger under the policy Newest."""
    metadata, uid = execution["metadata"], execution["spec"]["trigger"].get("uid")
    for each in others:
        same = each["metadata"].get("namespace") == metadata.get("namespace")
        found = each["spec"].get("trigger") or {}
        other = each["metadata"]["uid"] != metadata["uid"]
        if same and other and found.get("uid") == uid and _is_replaceable(each):
            yield each


def _replaces(newer: Raw, older: Raw) -> bool:
    """Whether one of two takes the slot of the other. One with a later slot was created when the
    older was about to start, and counted it."""
    if _order(newer) <= _order(older):
        return False
    slot, other = _not_before(newer), _not_before(older)
    return slot is None or other is None or slot <= other


def _is_replaceable(execution: Raw) -> bool:
    spec = execution["spec"]
    policy = (spec.get("trigger") or {}).get("overLimit")
    return policy == LimitPolicy.NEWEST.value and not spec.get("parent")


def _order(execution: Raw) -> tuple[str, str]:
    metadata = execution["metadata"]
    return metadata["creationTimestamp"], metadata["uid"]


def _not_before(execution: Raw) -> float | None:
    """When it may start; only a Trigger's own execution waits, not the children of it."""
    spec = execution["spec"]
    text = (spec.get("trigger") or {}).get("notBefore")
    if not text or spec.get("parent"):
        return None
    try:
        return from_rfc3339(text)
    except ValueError:
        return None


def waiting_since(execution: Raw) -> float:
    """Since when an execution that has not started could have: its creation, or its slot."""
    created = from_rfc3339(execution["metadata"]["creationTimestamp"])
    return max(created, _not_before(execution) or created)
