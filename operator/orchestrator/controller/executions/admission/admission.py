"""Admits executions: workflow, variables, slot, and one write. This is not the admission
webhook."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from orchestrator.controller.executions.admission.slots import Queued, Slots, Stale
from orchestrator.controller.executions.observe.live_read import live
from orchestrator.controller.executions.reconcile_context import ReconcileContext
from orchestrator.controller.executions.revisions import Revisions
from orchestrator.controller.executions.state.execution_state import ExecutionState
from orchestrator.controller.executions.status.store import (
    end_unadmitted,
    store_pass,
    write_pending,
)
from orchestrator.controller.executions.trace import trace_decided
from orchestrator.engine.concurrency.slots import claim_of
from orchestrator.engine.decisions import Pass
from orchestrator.engine.graph import Graph
from orchestrator.engine.lifecycle.admission import (
    Missing,
    Prepared,
    Refusal,
    check_start,
    waited_long_enough,
)
from orchestrator.engine.lifecycle.begin import first_pass, status_at_start
from orchestrator.engine.lifecycle.rate_limit import (
    replaced_by_newer,
    replaces,
    starts_if_newest,
    waiting_since,
    waits_for_slot,
)
from orchestrator.engine.lifecycle.refusals import (
    cancelled_early,
    revision_lost,
    server_refuses,
    still_missing,
)
from orchestrator.engine.lifecycle.rerun import reused_records, source_of
from orchestrator.engine.people.trust import Trust, entries_of, trust_at_admission, trust_to_status
from orchestrator.engine.status.records import Record
from orchestrator.engine.status.transitions import admission_announced
from orchestrator.engine.times import from_rfc3339, to_rfc3339
from orchestrator.kube.errors import ApiError
from orchestrator.kube.resources import EXECUTIONS
from orchestrator.models.execution import ExecutionPhase
from orchestrator.models.reasons import Reason
from orchestrator.validation.size import LARGE

MISSING_RETRY = 1.0
"""Seconds between two reads of a Workflow or Template that does not exist yet."""
REFUSED_RETRY = 5.0
"""Seconds after which a refused request is retried."""

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Begun:
    """The execution's status is stored as running; what it starts is still to be created."""

    state: ExecutionState
    decided: Pass


@dataclass(frozen=True, slots=True)
class Wait:
    """It waits, or has ended before it ran; None if only an event requeues it."""

    seconds: float | None


@dataclass(frozen=True, slots=True)
class Conflict:
    """Someone else wrote its status first: it must be read again."""


Outcome = Begun | Wait | Conflict


class Admission:
    """Admits executions, one after the other."""

    def __init__(self, context: ReconcileContext, revisions: Revisions, slots: Slots) -> None:
        self._context = context
        self._revisions = revisions
        self._slots = slots

    async def admit(self, key: Key, raw: Mapping[str, Any]) -> Outcome:
        """Admit an execution that has not started, if possible."""
        try:
            return await self._admit(key, raw)
        except ApiError as error:
            if not error.refuses:
                raise
            return await self._wait(key, raw, server_refuses(error.message), REFUSED_RETRY)

    async def _admit(self, key: Key, raw: Mapping[str, Any]) -> Outcome:
        spec = raw["spec"]
        if cancelled := cancelled_early(raw):
            return await self._refuse(key, raw, cancelled)
        if limited := await self._rate_limited(key, raw):
            return limited
        if spec.get("rerunOf"):
            return await self._rerun(key, raw)
        prepared = await self._prepare(key, spec)
        if isinstance(prepared, Missing):
            return await self._wait_for(key, raw, prepared)
        if isinstance(prepared, Refusal):
            return await self._refuse(key, raw, prepared)
        values = await self._context.offload.run(partial(check_start, raw, prepared))
        if isinstance(values, Refusal):
            return await self._refuse(key, raw, values)
        if refusal := await self._revisions.store(key[0], spec["workflow"], prepared):
            return await self._refuse(key, raw, refusal)
        return await self._start(key, raw, prepared.graph, prepared.revision.name, values, {})

    async def _rate_limited(self, key: Key, raw: Mapping[str, Any]) -> Outcome | None:
        """Queue an execution until its slot, or end it for a newer one; None if it may start."""
        others: Iterable[Mapping[str, Any]] = self._context.executions
        slot = waits_for_slot(raw, self._context.clock())
        if slot is None and starts_if_newest(raw):
            others = await self._of_trigger(key[0], raw["spec"]["trigger"]["uid"])
        if replaced := replaced_by_newer(raw, others):
            return await self._refuse(key, raw, replaced)
        if slot is None:
            return None
        for older in replaces(raw, others):
            self._context.queue.add((older["metadata"]["namespace"], older["metadata"]["name"]))
        said = Reason.RATE_LIMITED, slot.message
        if await write_pending(self._context, key, raw, *said, phase=ExecutionPhase.QUEUED):
            return Wait(slot.seconds)
        return Conflict()

    async def _of_trigger(self, namespace: str, uid: str) -> list[Mapping[str, Any]]:
        """All executions of a Trigger, by a live read, without their statuses."""
        items, _ = await self._context.client.list(
            EXECUTIONS,
            namespace,
            field_selector=f"spec.trigger.uid={uid}",
            project=lambda raw: {"metadata": raw["metadata"], "spec": raw["spec"]},
        )
        return list(items)

    async def _rerun(self, key: Key, raw: Mapping[str, Any]) -> Outcome:
        """Admit a re-run: with its source's revision, variables and outputs."""
        spec = raw["spec"]
        named = await live(self._context, EXECUTIONS, key[0], spec["rerunOf"]["name"])
        source = source_of(spec, named)
        if isinstance(source, Refusal):
            return await self._refuse(key, raw, source)
        try:
            graph = await self._revisions.graph(key[0], source.revision)
        except ValueError as error:
            return await self._refuse(key, raw, revision_lost(error))
        if refusal := await self._revisions.refusal_of_state(key[0], raw):
            return await self._refuse(key, raw, refusal)
        reuse = partial(reused_records, graph, source, spec["rerunOf"]["from"])
        reused = await self._context.offload.run(reuse, long=len(graph.nodes) > LARGE)
        if isinstance(reused, Refusal):
            return await self._refuse(key, raw, reused)
        return await self._start(key, raw, graph, source.revision, source.variables, reused)

    async def _prepare(self, key: Key, spec: Mapping[str, Any]) -> Prepared | Refusal | Missing:
        if parent := spec.get("parent"):
            return await self._revisions.prepare_child(key[0], spec["workflow"], parent)
        return await self._revisions.prepare(key[0], spec["workflow"])

    async def _start(
        self,
        key: Key,
        raw: Mapping[str, Any],
        graph: Graph,
        revision: str,
        values: Mapping[str, Any],
        reused: Mapping[str, Record],
    ) -> Outcome:
        """Store the admission with what it starts in one write; only then create Jobs."""
        admitted = {"revision": revision, "variables": values, **await self._trust(raw, graph)}
        state = self._admitted(raw, graph, admitted, reused)
        claim = await self._context.offload.run(partial(claim_of, graph, state.run, raw))
        if isinstance(claim, Refusal):
            return await self._refuse(key, raw, claim)
        if claim is None:  # it may have been queued before its workflow's limit was removed
            self._slots.leave(key)
        else:
            slot = await self._slots.admit(key, claim, raw)
            if slot is not None:
                return await self._without_slot(key, raw, slot)
            state = self._admitted(raw, graph, admitted, reused)  # this may have taken a while
        now, first = state.run.started_at, partial(first_pass, graph, state.run)
        decided = await self._context.offload.run(first, long=len(graph.nodes) > LARGE)
        trace_decided(key, state.run, decided)
        state.admit(claim, reused)
        state.apply(decided, decided.records, now)
        admitted["startedAt"] = to_rfc3339(now)
        stored = await store_pass(
            self._context,
            state,
            ending=decided.ending,
            extra=admitted,
            before=raw.get("status") or {},
            transition=True,
        )
        if stored is None:
            return Conflict()
        event = admission_announced(len(graph.nodes) - len(reused), revision)
        self._context.recorder.emit(state.reference, event.reason, event.message)
        return Begun(state, decided)

    async def _trust(self, raw: Mapping[str, Any], graph: Graph) -> dict[str, Any]:
        """The trust in the spec, as the status records it; absent if all of it is trusted."""
        hears = bool(graph.hears_people)
        policies = await self._context.protection.policies(fresh=hears or bool(graph.asks_people))
        created_at = from_rfc3339(raw["metadata"]["creationTimestamp"])
        now = self._context.clock()
        trust = trust_at_admission(policies, created_at, entries_of(raw["spec"]), now)
        record = trust_to_status(trust if hears else Trust(requester=trust.requester))
        return {"trust": record} if record else {}

    def _admitted(
        self,
        raw: Mapping[str, Any],
        graph: Graph,
        admitted: Mapping[str, Any],
        reused: Mapping[str, Record],
    ) -> ExecutionState:
        """The execution as its status will be if it begins now."""
        return ExecutionState.read(
            status_at_start(raw, admitted, reused, self._context.clock()), graph
        )

    async def _without_slot(
        self, key: Key, raw: Mapping[str, Any], slot: Queued | Refusal | Stale
    ) -> Outcome:
        if isinstance(slot, Refusal):
            return await self._refuse(key, raw, slot)
        if isinstance(slot, Stale):
            return Conflict()
        said = Reason.CONCURRENCY_LIMIT, slot.message
        if await write_pending(self._context, key, raw, *said, phase=ExecutionPhase.QUEUED):
            return Wait(slot.retry_after)
        return Conflict()

    async def _wait_for(self, key: Key, raw: Mapping[str, Any], missing: Missing) -> Outcome:
        if waited_long_enough(waiting_since(raw), self._context.clock()):
            return await self._refuse(key, raw, still_missing(missing))
        return await self._wait(key, raw, missing, MISSING_RETRY)

    async def _wait(
        self, key: Key, raw: Mapping[str, Any], missing: Missing, seconds: float
    ) -> Outcome:
        if not await write_pending(self._context, key, raw, missing.reason, missing.message):
            return Conflict()
        return Wait(seconds)

    async def _refuse(self, key: Key, raw: Mapping[str, Any], refusal: Refusal) -> Outcome:
        self._slots.leave(key)
        if not await end_unadmitted(self._context, key, raw, refusal):
            return Conflict()
        self._slots.requeue_heads(key[0])  # it may have been given a slot just before
        return Wait(None)
