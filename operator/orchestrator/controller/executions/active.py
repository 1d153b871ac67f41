"""The states of active executions in this process, and whether they are current."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from orchestrator.controller.executions.act.orphans import is_orphan, names_its_attempt
from orchestrator.controller.executions.observe.child_lookup import note_orphan_child
from orchestrator.controller.executions.observe.live_read import live
from orchestrator.controller.executions.reconcile_context import ReconcileContext
from orchestrator.controller.executions.revisions import Revisions
from orchestrator.controller.executions.state.execution_state import ExecutionState
from orchestrator.controller.executions.trace import log
from orchestrator.jobs.observe import completed, failure, fans_out, node_of
from orchestrator.kube.cache import Raw
from orchestrator.kube.resources import EXECUTIONS
from orchestrator.operations.executions import has_ended
from orchestrator.process.bounded_set import BoundedSet

MAX_OVER = 1000
"""Maximum number of ended executions that are remembered."""

Key = tuple[str, str]


class ActiveExecutions:
    """By namespace and name; watches record here which nodes have events."""

    def __init__(self, context: ReconcileContext, revisions: Revisions) -> None:
        self._context = context
        self._revisions = revisions
        self._states: dict[Key, ExecutionState] = {}
        self._unsure: set[Key] = set()
        """Executions whose last write may or may not have taken effect, to be read live."""
        self._over: BoundedSet[str] = BoundedSet(MAX_OVER)
        """Uids of executions that a live read found to have ended: a watch may still report an
        older version."""
        self.stopped: set[str] = set()
        """Uids of Jobs that were stopped after their execution's end."""

    def __iter__(self) -> Iterator[ExecutionState]:
        return iter(self._states.values())

    def __len__(self) -> int:
        return len(self._states)

    def has(self, key: Key, state: ExecutionState) -> bool:
        """Whether this is still the execution's state; False if it must be read again."""
        return self._states.get(key) is state

    def get(self, key: Key) -> ExecutionState | None:
        """The execution's state, if this process has one."""
        return self._states.get(key)

    def put(self, key: Key, state: ExecutionState) -> None:
        """Set the execution's state."""
        self._states[key] = state

    def pop(self, key: Key) -> ExecutionState | None:
        """Remove and return the execution's state."""
        return self._states.pop(key, None)

    def invalidate(self, key: Key) -> None:
        """Discard a state that may be wrong: the execution is read again, live."""
        self._states.pop(key, None)
        self._unsure.add(key)

    # Events

    def note(self, key: Key, node: str | None) -> bool:
        """Record an event for a node's attempt, or for all nodes; False if nothing depends on it.

        If an execution has no state here, all its nodes are reconciled anyway.
        """
        state = self._states.get(key)
        if state is None:
            return False
        if node is None:
            state.wakeups.mark_all()
            return True
        record = state.run.records.get(node)
        if record is not None and record.phase.terminal:
            return False
        state.wakeups.mark(node)
        return True

    def note_job(self, key: Key, job: Raw) -> bool:
        """Record an event for a Job; False if nothing depends on it."""
        state = self._states.get(key)
        over = self._is_over(job)
        if state is None:
            return not over  # it may belong to an attempt that has ended
        orphan = not over and is_orphan(state, job)
        if orphan:
            state.stops.add_orphan(job["metadata"]["name"], node_of(job))
        return orphan or self.note_attempt(key, job)

    def note_child(self, key: Key, child: Raw) -> None:
        """Record an event for a sub-execution."""
        if (state := self._states.get(key)) is not None:
            note_orphan_child(state, child)
        self.note(key, child["spec"]["parent"].get("node"))

    def note_attempt(self, key: Key, job: Raw) -> bool:
        """Record an event for a Job's attempt or its pods; False if nothing depends on it.

        If its annotations do not match its name, the whole execution is reconciled.
        """
        state = self._states.get(key)
        if state is None or names_its_attempt(state, job):
            return self.note(key, node_of(job))
        return self.note(key, None)

    def _is_over(self, job: Raw) -> bool:
        """Whether nothing runs for the Job any more: its pod reports that seconds before the Job
        does."""
        if completed(job) or failure(job):
            return True
        namespace, uid = job["metadata"]["namespace"], job["metadata"]["uid"]
        return not fans_out(job) and self._context.pods.any_ended(namespace, uid)

    def forget_job(self, job: Raw) -> None:
        """Record that a Job was deleted."""
        self.stopped.discard(job["metadata"]["uid"])

    def created(self, key: Key, name: str) -> bool:
        """Whether this process created the Job of this name, so that its ADDED event needs no
        pass."""
        state = self._states.get(key)
        return state is not None and name in state.creations

    # Reading

    async def read(self, key: Key) -> Mapping[str, Any] | None:
        """The execution as the watch reports it, or live if that is not sufficient."""
        known, state = self._context.executions.get(*key), self._states.get(key)
        if known is not None and known["metadata"]["uid"] in self._over:
            self._drop(key, known["metadata"]["uid"])
            known = None
        missed = known is None and state is not None and not state.ended
        if key not in self._unsure and not missed:
            return known
        raw = await live(self._context, EXECUTIONS, *key)
        log.debug(key, "observed: read live, %s", "gone" if raw is None else "present")
        self._unsure.discard(key)
        there = raw["metadata"]["uid"] if raw is not None else ""
        before = {known["metadata"]["uid"]} if known is not None else set()
        if state is not None:
            before.add(state.run.uid)
        for uid in before - {there}:
            self._drop(key, uid)
        if raw is not None and has_ended(raw):
            self._drop(key, there)
        return raw

    def current(self, key: Key, raw: Mapping[str, Any]) -> ExecutionState | None:
        """The execution's state, unless the watch has reported something newer: it may report this
        process's own writes late, or never."""
        state = self._states.get(key)
        if state is None or state.run.uid != raw["metadata"]["uid"]:
            return None
        newer = int(raw["metadata"]["resourceVersion"]) > state.pending.version
        return None if newer else state

    async def refresh(self, key: Key, raw: Mapping[str, Any]) -> ExecutionState:
        """Replace the state by one read from a newer version.

        Raises ValueError if its revision or status cannot be read.
        """
        graph = await self._revisions.graph(key[0], raw["status"]["revision"])
        fresh = ExecutionState.read(raw, graph)
        earlier = self._states.get(key)
        if earlier is not None and earlier.run.uid == fresh.run.uid:
            fresh.continue_from(earlier)
        self._states[key] = fresh
        log.debug(key, "observed: the execution as of version %d", fresh.pending.version)
        for job in self._context.jobs.by_execution(key[0], fresh.run.uid).values():
            self.note_job(key, job)
        return fresh

    async def ended(self, key: Key, raw: Mapping[str, Any] | None) -> ExecutionState | None:
        """Record that a live read found the execution ended: its slot may not have been
        released."""
        revision = ((raw or {}).get("status") or {}).get("revision")
        if raw is None or not revision:
            return None
        try:
            return ExecutionState.read(raw, await self._revisions.graph(key[0], revision))
        except ValueError:  # nothing more can be known of it
            return None

    def _drop(self, key: Key, uid: str) -> None:
        """Forget an execution that a live read found ended, whatever a watch reports."""
        self._over.add(uid)
        known = self._context.executions.get(*key)
        if known is None or known["metadata"]["uid"] != uid:
            return
        self._context.executions.remove(key)
        if parent := known["spec"].get("parent"):
            above = (key[0], parent["name"])
            self.note(above, parent.get("node"))
            self._context.queue.add(above)
