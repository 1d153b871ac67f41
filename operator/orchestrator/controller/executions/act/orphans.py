"""Stops Jobs and sub-executions that no record names or waits for, with a Warning Event each.

They come from an operator that was interrupted during a creation, or that resumed late.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.controller.executions.act.child_control import set_state
from orchestrator.controller.executions.act.stopping import stop
from orchestrator.controller.executions.observe.child_lookup import is_ours, own_children
from orchestrator.controller.executions.observe.live_read import known_job, live
from orchestrator.controller.executions.reconcile_context import ReconcileContext
from orchestrator.controller.executions.state.admitted import execution_reference
from orchestrator.controller.executions.state.execution_state import ExecutionState
from orchestrator.controller.executions.trace import log
from orchestrator.engine.children.unrecorded import may_be_unrecorded
from orchestrator.engine.decisions import Pass
from orchestrator.jobs import orphans
from orchestrator.jobs.observe import completed, failure, fans_out, node_of
from orchestrator.kube.cache import Raw
from orchestrator.kube.client import ApiError
from orchestrator.kube.resources import EXECUTIONS, JOBS
from orchestrator.models.execution import DesiredState
from orchestrator.models.reasons import EventReason
from orchestrator.operations.desired_state import may_become
from orchestrator.operations.executions import has_ended
from orchestrator.process.queue import worker_released


async def stop_unrecorded_jobs(
    context: ReconcileContext, state: ExecutionState, decided: Pass
) -> None:
    """Before the end: list the Jobs live, and stop any that no record names."""
    run = state.run
    with worker_released():  # the list may rest, or begin after one of thousands of Jobs
        jobs = await context.live_jobs.of(run.namespace, run.uid)
    for job in jobs:
        name = job["metadata"]["name"]
        if not orphans.is_unrecorded(state.latest(node_of(job), decided), job):
            continue
        found = await live(context, JOBS, run.namespace, name)
        if found is None or (found.get("status") or {}).get("completionTime"):
            continue
        await stop(context, found, force=False)
        message = orphans.stopped_unrecorded(name)
        log.debug(state.key, "%s", message)
        context.recorder.emit(state.reference, EventReason.STRAY_JOB, message)


async def stop_unrecorded_children(
    context: ReconcileContext, state: ExecutionState, decided: Pass
) -> None:
    """Before the end: stop sub-executions that no record waits for, and that perhaps no watch has
    reported yet.

    By force, without their `finally`: no record names them, so nothing would wait for it.
    """
    nodes = state.graph.nodes.values()
    if not any(
        may_be_unrecorded(node, state.latest(node.name, decided), decided) for node in nodes
    ):
        return
    for raw in await own_children(context, state):
        if not has_ended(raw):
            await set_state(context, raw, DesiredState.TERMINATED)


def is_orphan(state: ExecutionState, job: Raw) -> bool:
    """Whether an unfinished Job belongs to an attempt that its node's record has passed, and is not
    about to be stopped for that."""
    node = node_of(job)
    record = state.run.records.get(node)
    if record is None or state.stops.is_orphan(job["metadata"]["name"]):
        return False
    if not names_its_attempt(state, job) and _is_in_flight(state, job):
        return False
    return orphans.is_past(record, orphans.attempt_of(job), stored=state.pending.has_stored(node))


def names_its_attempt(state: ExecutionState, job: Raw) -> bool:
    """Whether a Job has the name of the attempt in its annotations: any user who may edit Jobs may
    edit these, and must not be able to hide an end."""
    node = node_of(job)
    known = node in state.graph.nodes
    return known and job["metadata"]["name"] == state.name_of(node, orphans.attempt_of(job))


def _is_in_flight(state: ExecutionState, job: Raw) -> bool:
    """Whether a Job has the name of an attempt in flight, whatever its annotations say."""
    run, name = state.run, job["metadata"]["name"]
    return any(name == state.name_of(node, run.records[node].attempts) for node in run.active)


async def stop_orphans(context: ReconcileContext, state: ExecutionState) -> None:
    """Stop the Jobs and sub-executions that were found to be orphans; each once."""
    while (child := state.stops.take_child()) is not None:
        await _stop_child(context, state, *child)
    while (orphan := state.stops.next_orphan()) is not None:
        name, node = orphan
        if not state.stops.was_sent(name, force=False):
            message = orphans.stopped_past(name, node)
            try:
                if (job := known_job(context, state, name)) is not None:
                    await stop(context, job, force=False)
            except ApiError as error:
                if not error.refuses:
                    raise
                message = orphans.not_stopped(name, node, error.message)
            state.stops.sent(name, force=False)
            log.debug(state.key, "%s", message)
            context.recorder.emit(state.reference, EventReason.STRAY_JOB, message)
        state.stops.remove_orphan(name)


async def _stop_child(
    context: ReconcileContext, state: ExecutionState, name: str, node: str
) -> None:
    """Stop a sub-execution unless it has ended: the watch may report that late."""
    raw = await live(context, EXECUTIONS, state.run.namespace, name)
    if raw is None or has_ended(raw) or not is_ours(state, raw):
        return
    if not may_become(raw, DesiredState.TERMINATED):  # it is being terminated
        return
    await set_state(context, raw, DesiredState.TERMINATED)
    message = orphans.stopped_child(name, node)
    log.debug(state.key, "%s", message)
    context.recorder.emit(state.reference, EventReason.STRAY_SUB_EXECUTION, message)


async def stop_without_parent(context: ReconcileContext, raw: Mapping[str, Any]) -> None:
    """Stop a sub-execution whose parent has ended: an operator that had not resigned yet created it
    while another one ended the parent.

    By force, without its `finally`, as before the end of a parent.
    """
    namespace, parent = raw["metadata"]["namespace"], raw["spec"].get("parent")
    if parent is None or not may_become(dict(raw), DesiredState.TERMINATED):
        return
    known = context.executions.get(namespace, parent["name"])
    if known is not None and not has_ended(known):
        return
    above = await live(context, EXECUTIONS, namespace, parent["name"])
    # If it was deleted, garbage collection removes its sub-executions.
    if above is None or above["metadata"]["uid"] != parent["uid"] or not has_ended(above):
        return
    await set_state(context, dict(raw), DesiredState.TERMINATED)
    name = raw["metadata"]["name"]
    message = orphans.child_stopped_after_end(name)
    log.debug((namespace, name), "%s", message)
    reference = execution_reference(namespace, parent["name"], parent["uid"])
    context.recorder.emit(reference, EventReason.STRAY_SUB_EXECUTION, message)


async def stop_after_end(
    context: ReconcileContext, namespace: str, name: str, stopped: set[str]
) -> None:
    """Stop Jobs that still run for an execution that has ended; each once."""
    active = [
        job
        for job in context.jobs.of_execution(namespace, name)
        if job["metadata"]["uid"] not in stopped and _active(context, job)
    ]
    if not active:
        return
    execution = await live(context, EXECUTIONS, namespace, name)
    if execution is None:  # garbage collection removes its objects
        return
    if not has_ended(execution):
        return
    reference = execution_reference(namespace, name, execution["metadata"]["uid"])
    for job in active:
        if orphans.succeeded(execution["status"], job):
            continue
        await stop(context, job, force=False)
        stopped.add(job["metadata"]["uid"])
        message = orphans.stopped_after_end(job["metadata"]["name"])
        log.debug((namespace, name), "%s", message)
        context.recorder.emit(reference, EventReason.STRAY_JOB, message)


def _active(context: ReconcileContext, job: Raw) -> bool:
    if completed(job) or failure(job):
        return False
    ended = context.pods.any_ended(job["metadata"]["namespace"], job["metadata"]["uid"])
    return fans_out(job) or not ended
