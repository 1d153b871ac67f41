"""Which changes of Jobs and pods say anything to the execution they belong to.

A Job changes four or five times for one pod, and each pass over its execution costs more than
reading the event did.
"""

from __future__ import annotations

from typing import Any

from orchestrator.controller.cache import Raw

_COUNTS = ("conditions", "completedIndexes", "failedIndexes")


def job_says(raw: Raw) -> bool:
    """Whether a Job says more than that it was made."""
    return any(_of_job(raw))


def job_tells(old: Raw | None, new: Raw) -> bool:
    """Whether a Job that is seen anew says what it did not say before."""
    return old is None or _of_job(old) != _of_job(new)


def pod_tells(old: Raw | None, new: Raw) -> bool:
    """The same of a pod that has ended."""
    return old is None or old.get("status") != new.get("status")


def _of_job(raw: Raw) -> list[Any]:
    status = raw.get("status") or {}
    indexed = raw["spec"].get("completionMode") == "Indexed"
    begun = bool(status.get("ready") or (indexed and status.get("active")))
    return [begun, *map(status.get, _COUNTS)]
