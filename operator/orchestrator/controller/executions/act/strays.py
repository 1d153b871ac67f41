"""Jobs that no record speaks of: stopped, and an Event says so.

They can come from an operator that was cut off in the middle of a creation, or that woke up late.
"""

from __future__ import annotations

from orchestrator.controller.executions.act.stopping import stop
from orchestrator.controller.executions.observe.looking import known_job, live
from orchestrator.controller.executions.shell import Shell
from orchestrator.controller.executions.tracked import Tracked, execution_reference
from orchestrator.engine.decisions import Pass
from orchestrator.jobs.observe import completed, failure, fans_out, node_of
from orchestrator.kube.cache import Raw
from orchestrator.kube.client import ApiError
from orchestrator.kube.resources import EXECUTIONS, JOBS
from orchestrator.models.execution import ExecutionPhase, NodePhase
from orchestrator.models.labels import ATTEMPT
from orchestrator.models.reasons import EventReason


async def stop_strays(shell: Shell, tracked: Tracked, decided: Pass) -> None:
    """Before the end: list the Jobs live, and stop any that no record speaks of."""
    run = tracked.run
    for job in await shell.live_jobs.of(run.namespace, run.uid):
        name = job["metadata"]["name"]
        record = tracked.latest(node_of(job), decided)
        if record is not None and _attempt_of(job) <= record.attempts:
            continue
        found = await live(shell, JOBS, run.namespace, name)
        if found is None or (found.get("status") or {}).get("completionTime"):
            continue
        await stop(shell, found, force=False)
        shell.recorder.emit(
            tracked.reference, EventReason.STRAY_JOB, f"stopped Job {name}: no node has it"
        )


def is_stray(tracked: Tracked, job: Raw) -> bool:
    """Whether a Job that is not over works for an attempt that its node's record is past.

    The Job of an attempt that succeeded takes a second or two to say so too. One of an attempt that
    is still to come was made by another operator, whose word is on its way, unless it is stored
    that the node has ended.
    """
    node = node_of(job)
    record = tracked.run.records.get(node)
    attempt = _attempt_of(job)
    if record is None or job["metadata"]["name"] in tracked.strays:
        return False
    if not names_its_attempt(tracked, job) and _is_in_flight(tracked, job):
        return False
    if attempt < record.attempts:
        return True
    if attempt > record.attempts:
        return record.phase.terminal and tracked.has_stored(node)
    return record.phase.terminal and record.phase is not NodePhase.SUCCEEDED


def names_its_attempt(tracked: Tracked, job: Raw) -> bool:
    """Whether a Job has the name of the attempt that its annotations say: whoever may edit Jobs may
    edit these, and must not hide an end by it."""
    node = node_of(job)
    known = node in tracked.graph.nodes
    return known and job["metadata"]["name"] == tracked.name_of(node, _attempt_of(job))


def _is_in_flight(tracked: Tracked, job: Raw) -> bool:
    """Whether a Job has the name of an attempt in flight, whatever its annotations say."""
    run, name = tracked.run, job["metadata"]["name"]
    return any(name == tracked.name_of(node, run.records[node].attempts) for node in run.active)


async def stop_unwanted(shell: Shell, tracked: Tracked) -> None:
    """Stop the Jobs that were found to be orphans; each once."""
    while tracked.strays:
        name, node = next(iter(tracked.strays.items()))
        if (name, False) not in tracked.stopped:
            words = f"stopped Job {name}: {node} continues without it"
            try:
                if (job := known_job(shell, tracked, name)) is not None:
                    await stop(shell, job, force=False)
            except ApiError as error:
                if not error.refuses:
                    raise
                words = (
                    f"Job {name} cannot be stopped, {node} continues without it: {error.message}"
                )
            tracked.stopped.add((name, False))
            shell.recorder.emit(tracked.reference, EventReason.STRAY_JOB, words)
        del tracked.strays[name]


def _attempt_of(job: Raw) -> int:
    """The attempt that a Job was made for, by its own annotation; 0 when that is not a number."""
    text = (job["metadata"].get("annotations") or {}).get(ATTEMPT)
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else 0


async def stop_after_end(shell: Shell, namespace: str, name: str, stopped: set[str]) -> None:
    """Stop Jobs that still work for an execution that has ended; each once."""
    active = [
        job
        for job in shell.jobs.of_execution(namespace, name)
        if job["metadata"]["uid"] not in stopped and _active(shell, job)
    ]
    if not active:
        return
    try:
        execution = await shell.client.get(EXECUTIONS, namespace, name)
    except ApiError as error:
        if error.status == 404:  # garbage collection removes what it owned
            return
        raise
    status = execution.get("status") or {}
    if not status.get("phase") or not ExecutionPhase(status["phase"]).terminal:
        return
    uid = execution["metadata"]["uid"]
    for job in active:
        if _succeeded(status, job):
            continue
        job_name = job["metadata"]["name"]
        await stop(shell, job, force=False)
        stopped.add(job["metadata"]["uid"])
        shell.recorder.emit(
            execution_reference(namespace, name, uid),
            EventReason.STRAY_JOB,
            f"stopped Job {job_name}: the execution has ended",
        )


def _succeeded(status: Raw, job: Raw) -> bool:
    """Whether the Job is that of an attempt that succeeded: it will say so itself."""
    record = (status.get("nodes") or {}).get(node_of(job)) or {}
    attempts = record.get("attempts", 0)  # a node without attempts counts none
    return record.get("phase") == NodePhase.SUCCEEDED and attempts == _attempt_of(job)


def _active(shell: Shell, job: Raw) -> bool:
    if completed(job) or failure(job):
        return False
    ended = shell.pods.any_ended(job["metadata"]["namespace"], job["metadata"]["uid"])
    return fans_out(job) or not ended
