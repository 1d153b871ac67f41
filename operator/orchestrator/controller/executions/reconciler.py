"""Reconciles one execution: read, decide, create Jobs, write the status once, act."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial
from typing import Any

from orchestrator.controller.executions.act.executor import control_all, create_all
from orchestrator.controller.executions.act.orphans import (
    stop_after_end,
    stop_orphans,
    stop_unrecorded_children,
    stop_unrecorded_jobs,
    stop_without_parent,
)
from orchestrator.controller.executions.active import ActiveExecutions, Key
from orchestrator.controller.executions.admission.admission import Admission, Conflict, Wait
from orchestrator.controller.executions.admission.slots import Slots
from orchestrator.controller.executions.observe.child_lookup import recall_names
from orchestrator.controller.executions.observe.observing import observe_active
from orchestrator.controller.executions.reconcile_context import ReconcileContext
from orchestrator.controller.executions.revisions import Revisions
from orchestrator.controller.executions.state.execution_state import ExecutionState
from orchestrator.controller.executions.state.wakeups import Due
from orchestrator.controller.executions.status.status_writer import StatusWriter
from orchestrator.controller.executions.status.store import (
    announce_end,
    announce_pass,
    end_unadmitted,
)
from orchestrator.controller.executions.trace import (
    log,
    trace_decided,
    trace_observed,
    trace_requeued,
    trace_round,
)
from orchestrator.engine.advance import advance, nodes_to_reconcile
from orchestrator.engine.created_names import with_created
from orchestrator.engine.decisions import Creation, Pass
from orchestrator.engine.lifecycle.admission import Refusal
from orchestrator.engine.lifecycle.refusals import revision_lost, status_invalid
from orchestrator.engine.lifecycle.restored import is_restored, restored, seconds_to_end
from orchestrator.engine.observed import Observed
from orchestrator.engine.people.protection import Policies
from orchestrator.engine.status.read import StatusError
from orchestrator.operations.executions import has_ended

MAX_ROUNDS = 50
"""More rounds in one pass would mean that two rules keep undoing each other."""

MAX_REPETITIONS = 5
"""How often a pass that lost a write conflict is repeated in its turn, as often as client-go's
`retry.RetryOnConflict` does."""

_INVALIDATED = Due(0, "a background write failed: the execution is read from the API server")
_CONFLICT = Due(0, "the execution was changed by others: it is read from the API server")


class ExecutionReconciler:
    """Reconciles executions, one at a time per call."""

    def __init__(
        self, context: ReconcileContext, revisions: Revisions, active: ActiveExecutions
    ) -> None:
        self._context = context
        self._active = active
        self._slots = Slots(context)
        self._admission = Admission(context, revisions, self._slots)
        self._status = StatusWriter(context, active)

    async def flush(self) -> None:
        """Flush the batched status updates, for at most a few seconds."""
        await self._status.flush()

    async def reconcile(self, namespace: str, name: str) -> float | None:
        """One pass. Returns the requeue delay in seconds, or None if only an event requeues it."""
        key = (namespace, name)
        try:
            due = await self._reconcile_in_turn(key)
        except Exception as error:
            log.debug(key, "reconciliation failed; the cached state is discarded: %s", error)
            self._active.invalidate(key)
            raise
        trace_requeued(key, self._active.get(key), due)
        return None if due is None else due.seconds

    async def _reconcile_in_turn(self, key: Key) -> Due | None:
        # Not requeued: the same event would wait a second time behind the passes of all other
        # executions. A parent that cancels its sub-execution is enough for a conflict.
        for _ in range(MAX_REPETITIONS):
            due = await self._reconcile(key)
            if due is None or due not in (_CONFLICT, _INVALIDATED):
                return due
            log.debug(key, "reconciled again: %s", due.why)
        return await self._reconcile(key)

    async def _reconcile(self, key: Key) -> Due | None:
        self._status.raise_failure(key)
        raw = await self._active.read(key)
        if await self._status.caught_up(key, raw):
            raw = await self._active.read(key)
        if raw is None or has_ended(raw):
            await self._leave(key, raw)
            return None
        await stop_without_parent(self._context, raw)
        current = self._active.current(key, raw)
        if current is None:
            if is_restored(raw):
                return await self._end_restored(key, raw)
            if not (raw.get("status") or {}).get("revision"):
                return await self._admit(key, raw)
            self._slots.leave(key)  # admitted, possibly by another replica: it no longer queues
        try:
            state = current or await self._active.refresh(key, raw)
        except StatusError as error:
            return await self._refuse(key, raw, status_invalid(error))
        except ValueError as error:
            return await self._refuse(key, raw, revision_lost(error))
        return None if state.ended else await self._advance(key, state)

    async def _leave(self, key: Key, raw: Mapping[str, Any] | None) -> None:
        """Clean up after an execution that has ended or was deleted: state, slot and Jobs."""
        log.debug(key, "no longer active: deleted or ended" if raw is None else "ended")
        self._slots.leave(key)
        state = self._active.pop(key) or await self._active.ended(key, raw)
        if state is not None:
            await self._give_back(state)
        if raw is not None:  # the process that stored the end may have crashed before it counted
            self._context.workflow_metrics.recount(*key, raw["metadata"]["uid"])
        await stop_after_end(self._context, *key, self._active.stopped)

    async def _admit(self, key: Key, raw: Mapping[str, Any]) -> Due | None:
        outcome = await self._admission.admit(key, raw)
        if isinstance(outcome, Conflict):
            return self._read_again(key)
        if isinstance(outcome, Wait):
            return None if outcome.seconds is None else Due(outcome.seconds, "not admitted yet")
        state, decided = outcome.state, outcome.decided
        self._active.put(key, state)
        if await self._act(state, decided):
            return None
        return await self._advance(key, state)

    async def _give_back(self, state: ExecutionState) -> None:
        """Release the slot of an execution that has ended or was deleted."""
        claim = state.slot.to_release(state.graph, state.run, state.execution.manifest)
        if claim is not None:
            await self._slots.release(state.run.namespace, claim)
            state.slot.released()

    async def _end_restored(self, key: Key, raw: Mapping[str, Any]) -> Due | None:
        """End an execution of a backup; its status may be written until a minute has passed."""
        if seconds := seconds_to_end(raw, self._context.clock()):
            return Due(seconds, "restored from a backup: its status may still be written")
        return await self._refuse(key, raw, restored())

    async def _refuse(self, key: Key, raw: Mapping[str, Any], refusal: Refusal) -> Due | None:
        self._slots.leave(key)
        if await end_unadmitted(self._context, key, raw, refusal):
            return None
        return self._read_again(key)

    def _read_again(self, key: Key) -> Due:
        """Reconcile at once again after a write conflict."""
        self._active.invalidate(key)
        return _CONFLICT

    # While it runs

    async def _advance(self, key: Key, state: ExecutionState) -> Due | None:
        await recall_names(self._context, state)
        await stop_orphans(self._context, state)
        for _ in range(MAX_ROUNDS):
            if not self._active.has(key, state):
                return _INVALIDATED
            dirty = state.wakeups.take(self._context.clock())
            if dirty is not None and not dirty and not self._status.due(state):
                return self._status.next_change(state)
            trace_round(key, state.run, dirty)
            now = self._context.clock()  # later observations may be newer, never older
            observed = await observe_active(self._context, state, dirty)
            trace_observed(key, observed)
            decided = await self._decide(state, observed, dirty, now)
            if not self._active.has(key, state):
                return _INVALIDATED
            trace_decided(key, state.run, decided)
            await create_all(self._context, state, decided.before)
            await control_all(self._context, state, decided.before)
            if decided.ending is not None:
                await stop_unrecorded_jobs(self._context, state, decided)
                await stop_unrecorded_children(self._context, state, decided)
            before = state.run.phase
            state.apply(decided, with_created(decided, partial(_created, state)), now)
            state.wakeups.round_ended()
            if decided.urgent or decided.ending:
                stored = await self._status.store(
                    key, state, ending=decided.ending, transition=decided.phase is not before
                )
                if not stored:
                    return self._read_again(key)
                if await self._act(state, decided):
                    return None
            else:
                announce_pass(self._context, state, decided)
                if self._status.due(state) and self._active.has(key, state):
                    self._status.begin(key, state)
            if state.wakeups.settled:
                return self._status.next_change(state)
        raise RuntimeError(f"execution {key[0]}/{key[1]} does not settle")

    async def _decide(
        self, state: ExecutionState, observed: Observed, dirty: Collection[str] | None, now: float
    ) -> Pass:
        policies = await self._policies(state, dirty)
        return await self._context.offload.run(
            partial(
                advance,
                state.graph,
                state.run,
                observed,
                now,
                scan=state.wakeups.first,
                dirty=dirty,
                policies=policies,
            )
        )

    async def _policies(
        self, state: ExecutionState, dirty: Collection[str] | None
    ) -> Policies | None:
        """The installed admission policies, read after the run, for nodes that wait for people."""
        hearing = state.graph.hears_people
        if hearing.isdisjoint(nodes_to_reconcile(state.graph, state.run, dirty)):
            return None
        run = state.run
        return await self._context.protection.policies(fresh=bool(run.decisions or run.signals))

    async def _act(self, state: ExecutionState, decided: Pass) -> bool:
        """Carry out what had to wait for the status write; returns whether the execution has
        ended."""
        announce_pass(self._context, state, decided)
        await create_all(self._context, state, decided.after)
        await control_all(self._context, state, decided.after)
        if decided.ending is None:
            return False
        run = state.run
        announce_end(
            self._context,
            state.reference,
            state.execution.manifest,
            state.execution.revision,
            decided.ending,
            run.started_at,
        )
        state.end()
        await self._give_back(state)
        return True


def _created(state: ExecutionState, job: Creation) -> str | None:
    """The name of the object created for an attempt of a node, if any."""
    name = state.name_of(job.node, job.attempt)
    return name if name in state.creations else None
