"""Writes an execution's status: one guarded patch at a time, and what the transition announces."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.controller.executions.shell import Shell
from orchestrator.controller.executions.status.pacing import pace
from orchestrator.controller.executions.tracked import Tracked, execution_reference
from orchestrator.engine.admission import Refusal
from orchestrator.engine.conditions import execution_conditions
from orchestrator.engine.decisions import Ending, Pass
from orchestrator.engine.nulls import json_patch, needs_json_patch
from orchestrator.engine.records import Record, Run, clip
from orchestrator.engine.retention import counted_as
from orchestrator.engine.status import ending_patch, progress_patch
from orchestrator.engine.times import in_words, to_rfc3339
from orchestrator.kube.client import ApiError
from orchestrator.kube.resources import EXECUTIONS
from orchestrator.models.execution import ExecutionPhase
from orchestrator.models.reasons import EventReason, Reason


async def store_pass(
    shell: Shell,
    tracked: Tracked,
    *,
    ending: Ending | None = None,
    extra: Mapping[str, Any] | None = None,
    before: Mapping[str, Any] | None = None,
    transition: bool = False,
) -> Mapping[str, Record] | None:
    """Store what the run has and the status has not, its end and `extra` fields included.

    `before` is the status of an execution that begins, None afterwards.
    `transition` says that the execution's phase is another now. The records that were stored; None
    when someone else wrote first.
    """
    now = shell.clock()
    run, changes = tracked.run, tracked.take_unstored()
    patch = {**progress_patch(tracked.graph, run, changes, tracked.generation), **(extra or {})}
    phase = run.phase
    if ending is not None:
        phase, transition = ending.phase, True
        patch.update(ending_patch(ending, now))
    elif transition:
        paused = phase is ExecutionPhase.PAUSED
        patch["reason"] = Reason.PAUSED if paused else Reason.ADMITTED
        patch["message"] = "paused: nothing new starts" if paused else "running"
    if transition:
        patch["conditions"] = execution_conditions(
            phase, patch["reason"], patch["message"], tracked.generation, now, tracked.conditions
        )
    key = (run.namespace, run.name)
    body = _body(
        run.uid, str(tracked.version), patch, before, whole_nodes=len(run.records) == len(changes)
    )
    version = await _patch(shell, key, body)
    if version is None:
        return None
    for name, record in changes.items():
        if record.phase.terminal:
            shell.figures.node_ended(tracked.graph.nodes[name].kind.value, record.phase.value)
    tracked.conditions = patch.get("conditions", tracked.conditions)
    tracked.stored(version, now, pace(shell.clock() - now))
    return changes


async def write_pending(
    shell: Shell,
    key: tuple[str, str],
    raw: Mapping[str, Any],
    reason: str,
    message: str,
    phase: ExecutionPhase = ExecutionPhase.PENDING,
) -> bool:
    """Say why an execution is not admitted yet; writes nothing that is already said."""
    status, message = raw.get("status") or {}, clip(message, 4000)
    if status.get("reason") == reason and status.get("message") == message:
        return True
    return await _write_unadmitted(shell, key, raw, phase, reason, message, finished={})


async def end_unadmitted(
    shell: Shell, key: tuple[str, str], raw: Mapping[str, Any], refusal: Refusal
) -> bool:
    """End an execution that runs nothing (more); False when someone else wrote first."""
    now = shell.clock()
    ending = Ending(refusal.phase, refusal.reason, refusal.message, {})
    stored = await _write_unadmitted(
        shell,
        key,
        raw,
        refusal.phase,
        refusal.reason,
        refusal.message,
        finished=ending_patch(ending, now),
    )
    if stored:
        uid = raw["metadata"]["uid"]
        announce_end(shell, execution_reference(*key, uid), raw, "", ending, None)
    return stored


_EVENTS = {
    ExecutionPhase.SUCCEEDED: EventReason.SUCCEEDED,
    ExecutionPhase.FAILED: EventReason.FAILED,
    ExecutionPhase.TIMED_OUT: EventReason.TIMED_OUT,
    ExecutionPhase.CANCELLED: EventReason.CANCELLED,
}


def announce_end(
    shell: Shell,
    reference: Mapping[str, str],
    manifest: Mapping[str, Any],
    revision: str,
    ending: Ending,
    started_at: float | None,
) -> None:
    """An Event, the workflow's figures and the history, once the end is stored.

    `manifest` has its metadata and spec; it may never have started.
    """
    now = shell.clock()
    took = "" if started_at is None else f" after {in_words(now - started_at)}"
    shell.recorder.emit(
        reference,
        _EVENTS[ending.phase],
        f"ended {ending.phase.value}{took}: {ending.message}",
    )
    shell.metrics.ended(
        namespace=reference["namespace"],
        workflow=manifest["spec"]["workflow"],
        uid=reference["uid"],
        name=reference["name"],
        phase=ending.phase,
        reason=ending.reason,
        started_at=started_at,
        finished_at=now,
    )
    status = {
        "phase": ending.phase.value,
        "reason": ending.reason,
        "finishedAt": to_rfc3339(now),
        "revision": revision,
    }
    workflow = counted_as(manifest["spec"]["workflow"], status)
    shell.figures.execution_ended(reference["namespace"], workflow, ending.phase.value)
    shell.remember({"metadata": manifest["metadata"], "spec": manifest["spec"], "status": status})


def announce_pass(shell: Shell, run: Run, decided: Pass) -> None:
    """The transitions of a pass as Events."""
    reference = execution_reference(run.namespace, run.name, run.uid)
    for word in decided.announcements:
        shell.recorder.emit(reference, word.reason, word.message)


async def _write_unadmitted(
    shell: Shell,
    key: tuple[str, str],
    raw: Mapping[str, Any],
    phase: ExecutionPhase,
    reason: str,
    message: str,
    *,
    finished: Mapping[str, Any],
) -> bool:
    metadata = raw["metadata"]
    generation = metadata["generation"]
    old = (raw.get("status") or {}).get("conditions") or []
    conditions = execution_conditions(phase, reason, message, generation, shell.clock(), old)
    patch = {
        "observedGeneration": generation,
        "phase": phase.value,
        "reason": reason,
        "message": clip(message, 4000),
        "conditions": conditions,
        **finished,
    }
    body = _body(metadata["uid"], metadata["resourceVersion"], patch)
    return await _patch(shell, key, body) is not None


def _body(
    uid: str,
    version: str,
    status: Mapping[str, Any],
    before: Mapping[str, Any] | None = None,
    *,
    whole_nodes: bool = False,
) -> Mapping[str, Any] | list[dict[str, Any]]:
    """A merge patch; a JSON patch where the values hold nulls, which a merge patch drops."""
    metadata = {"uid": uid, "resourceVersion": version}
    if needs_json_patch(status):
        return json_patch(metadata, status, before, whole_nodes=whole_nodes)
    return {"metadata": metadata, "status": status}


async def _patch(
    shell: Shell, key: tuple[str, str], body: Mapping[str, Any] | list[dict[str, Any]]
) -> int | None:
    """The new resourceVersion; None when the execution was changed or deleted meanwhile."""
    try:
        written = await shell.client.patch(
            EXECUTIONS, *key, body, subresource="status", metadata_only=True
        )
    except ApiError as error:
        if error.status in (404, 409):
            return None
        raise
    return int(written["metadata"]["resourceVersion"])
