"""Deletes executions and the objects that they own: by name, or those that ended a given time
ago."""

from __future__ import annotations

from collections.abc import Iterable

from orchestrator.engine.times import from_rfc3339
from orchestrator.operations.errors import conflict
from orchestrator.operations.executions import has_ended, phase_of
from orchestrator.operations.records import check_there
from orchestrator.operations.writes import EXECUTION, Delete, Raw


def delete(
    executions: Iterable[Raw], *, force: bool, forcing: str = "force the deletion"
) -> list[Delete]:
    """The deletions of executions, each once: of all, or CommandError if some have not ended,
    unless forced, or only the history has them. `forcing` is the caller's name for that."""
    found = {one["metadata"]["uid"]: one for one in executions}
    for one in found.values():
        check_there(one)
    running = [one for one in found.values() if not has_ended(one)]
    if running and not force:
        states = ", ".join(f"{one['metadata']['name']} is {phase_of(one)}" for one in running)
        which = "it" if len(running) == 1 else "them"
        raise conflict("status.phase", states, f"cancel {which} first, or {forcing}")
    return [Delete(EXECUTION, one["metadata"]["name"], uid) for uid, one in found.items()]


def is_older(execution: Raw, moment: float, *, force: bool) -> bool:
    """Whether it ended before a time (seconds since the epoch); with `force`, or was created before
    it."""
    created = execution["metadata"]["creationTimestamp"]
    if not has_ended(execution):
        return force and from_rfc3339(created) <= moment
    return from_rfc3339(execution["status"].get("finishedAt") or created) <= moment
