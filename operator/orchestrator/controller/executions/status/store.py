"""Stores an execution's status in one guarded patch at a time, and announces the transition."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.controller.executions.reconcile_context import ReconcileContext
from orchestrator.controller.executions.state.admitted import execution_reference
from orchestrator.controller.executions.state.execution_state import ExecutionState
from orchestrator.controller.executions.trace import log, trace_refused, trace_stored
from orchestrator.engine.decisions import Ending, Pass
from orchestrator.engine.lifecycle.admission import Refusal
from orchestrator.engine.lifecycle.retention import counted_as
from orchestrator.engine.status.execution_status import progress_patch
from orchestrator.engine.status.json_patch import json_patch, needs_json_patch
from orchestrator.engine.status.records import Record, clip
from orchestrator.engine.status.transitions import (
    MAX_MESSAGE,
    end_announced,
    end_patch,
    ended_status,
    goes_on_patch,
    reports,
    unadmitted_patch,
)
from orchestrator.kube.client import ApiError
from orchestrator.kube.resources import EXECUTIONS
from orchestrator.models.execution import ExecutionPhase

Key = tuple[str, str]


async def store_pass(
    context: ReconcileContext,
    state: ExecutionState,
    *,
    ending: Ending | None = None,
    extra: Mapping[str, Any] | None = None,
    before: Mapping[str, Any] | None = None,
    transition: bool = False,
) -> Mapping[str, Record] | None:
    """Store the changes of the run, including its end and the `extra` fields.

    `before` is the status of an execution that begins, None afterwards. `transition` means that the
    execution's phase has changed. Returns the stored records; None if someone else wrote first.
    """
    now, generation, pending = context.clock(), state.execution.generation, state.pending
    run, changes = state.run, pending.take()
    patch = {**progress_patch(state.graph, run, changes, generation), **(extra or {})}
    if ending is not None:
        patch.update(end_patch(ending, generation, now, pending.conditions))
    elif transition:
        patch.update(goes_on_patch(run.phase, generation, now, pending.conditions))
    whole = len(run.records) == len(changes)
    body = _body(run.uid, str(pending.version), patch, before, whole_nodes=whole)
    key = (run.namespace, run.name)
    version = await _patch(context, key, body)
    if version is None:
        return None
    trace_stored(key, patch["phase"], changes, version)
    for name, record in changes.items():
        if record.phase.terminal:
            context.operator_metrics.node_ended(
                state.graph.nodes[name].kind.value, record.phase.value
            )
    conditions = patch.get("conditions", pending.conditions)
    pending.stored(version, now, context.clock() - now, conditions)
    return changes


async def write_pending(
    context: ReconcileContext,
    key: Key,
    raw: Mapping[str, Any],
    reason: str,
    message: str,
    phase: ExecutionPhase = ExecutionPhase.PENDING,
) -> bool:
    """Store why an execution is not admitted yet, unless that is stored; False if someone else
    wrote first."""
    message = clip(message, MAX_MESSAGE)
    if reports(raw, reason, message):
        return True
    log.debug(key, "decided: %s, reason %s: %s", phase.value, reason, message)
    patch = unadmitted_patch(raw, phase, reason, message, context.clock())
    return await _write_unadmitted(context, key, raw, patch)


async def end_unadmitted(
    context: ReconcileContext, key: Key, raw: Mapping[str, Any], refusal: Refusal
) -> bool:
    """End an execution that runs nothing (any more); False if someone else wrote first."""
    ending = Ending(refusal.phase, refusal.reason, refusal.message, {})
    trace_refused(key, refusal)
    patch = unadmitted_patch(
        raw, refusal.phase, refusal.reason, refusal.message, context.clock(), ending
    )
    stored = await _write_unadmitted(context, key, raw, patch)
    if stored:
        reference = execution_reference(*key, raw["metadata"]["uid"])
        announce_end(context, reference, raw, "", ending, None)
    return stored


def announce_end(
    context: ReconcileContext,
    reference: Mapping[str, str],
    manifest: Mapping[str, Any],
    revision: str,
    ending: Ending,
    started_at: float | None,
) -> None:
    """Emit an Event, and update the workflow's metrics and the history, once the end is stored.

    `manifest` has its metadata and spec; it may never have started.
    """
    now, workflow = context.clock(), manifest["spec"]["workflow"]
    event = end_announced(ending, started_at, now)
    context.recorder.emit(reference, event.reason, event.message)
    context.workflow_metrics.ended(
        namespace=reference["namespace"],
        workflow=workflow,
        uid=reference["uid"],
        name=reference["name"],
        phase=ending.phase,
        reason=ending.reason,
        started_at=started_at,
        finished_at=now,
    )
    status = ended_status(ending, revision, now)
    counted = counted_as(workflow, status)
    seconds = None if started_at is None else max(0.0, now - started_at)
    context.operator_metrics.execution_ended(
        reference["namespace"], counted, ending.phase.value, seconds
    )
    context.remember({"metadata": manifest["metadata"], "spec": manifest["spec"], "status": status})


def announce_pass(context: ReconcileContext, state: ExecutionState, decided: Pass) -> None:
    """Emit the transitions of a pass as Events."""
    for event in decided.announcements:
        context.recorder.emit(state.reference, event.reason, event.message)


async def _write_unadmitted(
    context: ReconcileContext, key: Key, raw: Mapping[str, Any], patch: Mapping[str, Any]
) -> bool:
    metadata = raw["metadata"]
    body = _body(metadata["uid"], metadata["resourceVersion"], patch)
    return await _patch(context, key, body) is not None


def _body(
    uid: str,
    version: str,
    status: Mapping[str, Any],
    before: Mapping[str, Any] | None = None,
    *,
    whole_nodes: bool = False,
) -> Mapping[str, Any] | list[dict[str, Any]]:
    """A merge patch; a JSON patch if the values contain nulls, which a merge patch drops."""
    metadata = {"uid": uid, "resourceVersion": version}
    if needs_json_patch(status):
        return json_patch(metadata, status, before, whole_nodes=whole_nodes)
    return {"metadata": metadata, "status": status}


async def _patch(
    context: ReconcileContext, key: Key, body: Mapping[str, Any] | list[dict[str, Any]]
) -> int | None:
    """The new resourceVersion; None if the execution was changed or deleted in the meantime."""
    try:
        written = await context.client.patch(
            EXECUTIONS, *key, body, subresource="status", metadata_only=True
        )
    except ApiError as error:
        log.debug(key, "not stored: %s", error)
        if error.status in (404, 409):
            return None
        raise
    return int(written["metadata"]["resourceVersion"])
