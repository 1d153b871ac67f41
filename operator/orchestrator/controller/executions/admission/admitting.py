"""What comes before an execution runs: its workflow, its variables, a slot, and one write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from orchestrator.controller.executions.admission.revisions import Revisions
from orchestrator.controller.executions.admission.slots import Queued, Slots, Stale
from orchestrator.controller.executions.observe.looking import live
from orchestrator.controller.executions.shell import Shell
from orchestrator.controller.executions.status.writing import (
    end_unadmitted,
    store_pass,
    write_pending,
)
from orchestrator.controller.executions.tracked import Tracked
from orchestrator.controller.offload import LARGE
from orchestrator.engine.admission import (
    Missing,
    Prepared,
    Refusal,
    check_start,
    waited_long_enough,
)
from orchestrator.engine.advance import advance
from orchestrator.engine.concurrency import Claim, claim_of
from orchestrator.engine.decisions import Pass
from orchestrator.engine.graph import Graph
from orchestrator.engine.records import Record, record_to_status
from orchestrator.engine.rerun import source_of, take_over
from orchestrator.engine.times import from_rfc3339, to_rfc3339
from orchestrator.engine.trust import Trust, entries_of, trust_at_admission, trust_to_status
from orchestrator.kube.errors import ApiError
from orchestrator.kube.resources import EXECUTIONS
from orchestrator.models.execution import DesiredState, ExecutionPhase
from orchestrator.models.reasons import EventReason, Reason

ASK_AGAIN = 1.0
"""Seconds between two reads of a Workflow or Template that does not exist yet."""
REFUSED_AGAIN = 5.0
"""Seconds after which what the API server refused is tried again."""

_CANCELLED_EARLY = Refusal(
    Reason.CANCEL_REQUESTED,
    "the execution was cancelled before it started",
    ExecutionPhase.CANCELLED,
)


def _replaced_early(requested: Mapping[str, Any]) -> Refusal:
    """The end of an execution that another replaced between its slot and its admission."""
    reason, message = requested.get("reason") or Reason.REPLACED, requested.get("message", "")
    return Refusal(reason, message, ExecutionPhase.CANCELLED)


Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Begun:
    """The execution runs, by its status; what it starts is still to be done."""

    tracked: Tracked
    decided: Pass


@dataclass(frozen=True, slots=True)
class Later:
    """It waits, or has ended without having run; None where nothing is to be asked again."""

    seconds: float | None


@dataclass(frozen=True, slots=True)
class Overtaken:
    """Someone else wrote its status first: it is to be read again."""


Outcome = Begun | Later | Overtaken


class Admission:
    """Lets executions begin, one after the other."""

    def __init__(self, shell: Shell, revisions: Revisions, slots: Slots) -> None:
        self._shell = shell
        self._revisions = revisions
        self._slots = slots

    async def admit(self, key: Key, raw: Mapping[str, Any]) -> Outcome:
        """Let an execution begin that has not yet, if it can."""
        try:
            return await self._admit(key, raw)
        except ApiError as error:
            if not error.refuses:
                raise
            said = Reason.ADMISSION_REFUSED, f"the API server refuses: {error.message}"
            if not await write_pending(self._shell, key, raw, *said):
                return Overtaken()
            return Later(REFUSED_AGAIN)

    async def _admit(self, key: Key, raw: Mapping[str, Any]) -> Outcome:
        spec = raw["spec"]
        if spec.get("desiredState") in (DesiredState.CANCELLED, DesiredState.TERMINATED):
            return await self._refuse(key, raw, _CANCELLED_EARLY)
        if requested := (raw.get("status") or {}).get("cancelRequested"):
            return await self._refuse(key, raw, _replaced_early(requested))
        if spec.get("rerunOf"):
            return await self._rerun(key, raw)
        prepared = await self._prepare(key, spec)
        if isinstance(prepared, Missing):
            return await self._wait_for(key, raw, prepared)
        if isinstance(prepared, Refusal):
            return await self._refuse(key, raw, prepared)
        values = await self._shell.offload.run(partial(check_start, raw, prepared))
        if isinstance(values, Refusal):
            return await self._refuse(key, raw, values)
        if refusal := await self._revisions.store(key[0], spec["workflow"], prepared):
            return await self._refuse(key, raw, refusal)
        return await self._start(key, raw, prepared.graph, prepared.revision.name, values, {})

    async def _rerun(self, key: Key, raw: Mapping[str, Any]) -> Outcome:
        """Admit a re-run: its source's revision, variables and outputs."""
        spec = raw["spec"]
        named = await live(self._shell, EXECUTIONS, key[0], spec["rerunOf"]["name"])
        source = source_of(spec, named)
        if isinstance(source, Refusal):
            return await self._refuse(key, raw, source)
        try:
            graph = await self._revisions.graph(key[0], source.revision)
        except ValueError as error:
            return await self._refuse(key, raw, Refusal(Reason.REVISION_LOST, str(error)))
        if refusal := await self._revisions.refusal_of_state(key[0], raw):
            return await self._refuse(key, raw, refusal)
        take = partial(take_over, graph, source, spec["rerunOf"]["from"])
        taken = await self._shell.offload.run(take, long=len(graph.nodes) > LARGE)
        if isinstance(taken, Refusal):
            return await self._refuse(key, raw, taken)
        return await self._start(key, raw, graph, source.revision, source.variables, taken)

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
        taken: Mapping[str, Record],
    ) -> Outcome:
        """Store the admission with what it starts in one write; only then are Jobs created."""
        admitted = {"revision": revision, "variables": values, **await self._trust(raw, graph)}
        tracked = self._admitted(raw, graph, admitted, taken)
        claim = await self._shell.offload.run(partial(claim_of, graph, tracked.run, raw))
        waits: Claim | Queued | Refusal | Stale | None = claim
        if claim is None:  # it may have been queued, before its workflow's limit was taken away
            self._slots.leave(key)
        if isinstance(claim, Claim):
            waits = await self._slots.admit(key, claim, raw)
            tracked = self._admitted(raw, graph, admitted, taken)  # it may have taken a while
            tracked.claim = claim
        if isinstance(waits, Refusal):
            return await self._refuse(key, raw, waits)
        if isinstance(waits, Stale):
            return Overtaken()
        if isinstance(waits, Queued):
            return await self._queue_up(key, raw, waits)
        now = tracked.run.started_at
        first = partial(advance, graph, tracked.run, {}, now, scan=True, policies=None)
        decided = await self._shell.offload.run(first, long=len(graph.nodes) > LARGE)
        decided = replace(decided, before=(), after=(*decided.before, *decided.after))
        tracked.unstored = dict(taken)
        tracked.recalled = True  # nothing can have been created for what has not begun
        tracked.decided(decided)
        tracked.progressed(decided.records, decided, now)
        admitted["startedAt"] = to_rfc3339(now)
        stored = await store_pass(
            self._shell,
            tracked,
            ending=decided.ending,
            extra=admitted,
            before=raw.get("status") or {},
            transition=True,
        )
        if stored is None:
            return Overtaken()
        count = len(graph.nodes) - len(taken)
        self._shell.recorder.emit(
            tracked.reference,
            EventReason.ADMITTED,
            f"runs {count} node{'' if count == 1 else 's'}, revision {revision}",
        )
        return Begun(tracked, decided)

    async def _trust(self, raw: Mapping[str, Any], graph: Graph) -> dict[str, Any]:
        """What of the spec is believed, as the status records it; absent where all of it is."""
        hears = bool(graph.hears_people)
        policies = await self._shell.protection.policies(fresh=hears or bool(graph.asks_people))
        created_at = from_rfc3339(raw["metadata"]["creationTimestamp"])
        now = self._shell.clock()
        trust = trust_at_admission(policies, created_at, entries_of(raw["spec"]), now)
        record = trust_to_status(trust if hears else Trust(requester=trust.requester))
        return {"trust": record} if record else {}

    def _admitted(
        self,
        raw: Mapping[str, Any],
        graph: Graph,
        admitted: Mapping[str, Any],
        taken: Mapping[str, Record],
    ) -> Tracked:
        """The execution as its status will say, if it begins now."""
        status = {
            **(raw.get("status") or {}),
            "phase": ExecutionPhase.RUNNING.value,
            "nodes": {name: record_to_status(record) for name, record in taken.items()},
            "startedAt": to_rfc3339(self._shell.clock()),
            **admitted,
        }
        return Tracked.read({**raw, "status": status}, graph)

    async def _queue_up(self, key: Key, raw: Mapping[str, Any], waits: Queued) -> Outcome:
        said = Reason.CONCURRENCY_LIMIT, waits.message
        if await write_pending(self._shell, key, raw, *said, phase=ExecutionPhase.QUEUED):
            return Later(waits.again)
        return Overtaken()

    async def _wait_for(self, key: Key, raw: Mapping[str, Any], missing: Missing) -> Outcome:
        if waited_long_enough(raw, self._shell.clock()):
            message = f"{missing.message}; waited one minute"
            return await self._refuse(key, raw, Refusal(missing.reason, message))
        if not await write_pending(self._shell, key, raw, missing.reason, missing.message):
            return Overtaken()
        return Later(ASK_AGAIN)

    async def _refuse(self, key: Key, raw: Mapping[str, Any], refusal: Refusal) -> Outcome:
        self._slots.leave(key)
        if not await end_unadmitted(self._shell, key, raw, refusal):
            return Overtaken()
        self._slots.requeue_heads(key[0])  # it may have been given a slot just before
        return Later(None)
