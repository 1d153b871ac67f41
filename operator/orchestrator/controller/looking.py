"""A Job that the cache does not have: not created, not seen yet, or deleted by others."""

from __future__ import annotations

from orchestrator.controller.cache import Raw
from orchestrator.controller.client import ApiError
from orchestrator.controller.resources import JOBS
from orchestrator.controller.shell import Shell
from orchestrator.controller.tracked import CACHE_LAG, Tracked
from orchestrator.engine import reasons
from orchestrator.engine.observed import Attempt, AttemptState
from orchestrator.engine.records import Record


async def job_or_attempt(
    shell: Shell, tracked: Tracked, record: Record, name: str
) -> Raw | Attempt | None:
    """A Job that is not in the cache: not created, not seen yet, or deleted by others."""
    created = tracked.created.get(name)
    if created is not None and shell.clock() < created + CACHE_LAG:
        tracked.recheck = True
        return Attempt(AttemptState.PENDING, reason=reasons.JOB_CREATED, job=name)
    if created is None and not record.job:
        return None
    job = await live_job(shell, tracked.run.namespace, name)
    if job is None:
        message = f"Job {name} was deleted by others before it ended"
        return Attempt(AttemptState.FAILED, reasons.JOB_DELETED, message, job=name)
    return job


async def live_job(shell: Shell, namespace: str, name: str) -> Raw | None:
    """A Job by name, read live; None when there is none."""
    try:
        return await shell.client.get(JOBS, namespace, name)
    except ApiError as error:
        if error.status == 404:
            return None
        raise
