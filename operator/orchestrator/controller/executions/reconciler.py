"""The pass of one execution: read, decide, create Jobs, write the status once, act."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from orchestrator.controller.executions.act.acting import control_all, create_all
from orchestrator.controller.executions.act.childnames import recall_names
from orchestrator.controller.executions.act.strays import stop_after_end, stop_strays, stop_unwanted
from orchestrator.controller.executions.admission.admitting import Admission, Later, Overtaken
from orchestrator.controller.executions.admission.revisions import Revisions
from orchestrator.controller.executions.admission.slots import Slots
from orchestrator.controller.executions.held import Held, Key, is_over
from orchestrator.controller.executions.observe.observing import observe_active
from orchestrator.controller.executions.observe.unrecorded import stop_unrecorded
from orchestrator.controller.executions.shell import Shell
from orchestrator.controller.executions.status.progress import Progress
from orchestrator.controller.executions.status.writing import (
    announce_end,
    announce_pass,
    end_unadmitted,
)
from orchestrator.controller.executions.tracked import Tracked
from orchestrator.engine.admission import Refusal
from orchestrator.engine.advance import advance, nodes_to_reconcile
from orchestrator.engine.concurrency import Claim, claim_of
from orchestrator.engine.decisions import ControlChild, CreateChild, Pass
from orchestrator.engine.protection import Policies
from orchestrator.engine.reading import StatusError
from orchestrator.engine.records import Record
from orchestrator.models.reasons import Reason

MAX_ROUNDS = 50
"""Rounds of one pass; more would mean that two rules disagree for ever."""


class ExecutionReconciler:
    """Brings one execution after the other closer to its end."""

    def __init__(self, shell: Shell, revisions: Revisions, held: Held) -> None:
        self._shell = shell
        self._held = held
        self._slots = Slots(shell)
        self._admission = Admission(shell, revisions, self._slots)
        self._progress = Progress(shell, held)

    async def flush(self) -> None:
        """Write the batched progress, as far as it can be written soon."""
        await self._progress.flush()

    async def reconcile(self, namespace: str, name: str) -> float | None:
        """One pass; the seconds until it wants to be asked again, or None."""
        key = (namespace, name)
        try:
            return await self._reconcile(key)
        except Exception:
            self._held.forget(key)
            raise

    async def _reconcile(self, key: Key) -> float | None:
        self._progress.raise_failure(key)
        raw = await self._held.read(key)
        if await self._progress.caught_up(key, raw):
            raw = await self._held.read(key)
        if raw is None or is_over(raw):
            self._slots.leave(key)
            tracked = self._held.pop(key) or await self._held.ended(key, raw)
            if tracked is not None:
                await self._give_back(tracked)
            if raw is not None:  # whoever wrote its end may not have lived to count it
                self._shell.metrics.left(*key, raw["metadata"]["uid"])
            await stop_after_end(self._shell, *key, self._held.stopped)
            return None
        current = self._held.current(key, raw)
        if current is None:
            if not (raw.get("status") or {}).get("revision"):
                return await self._admit(key, raw)
            self._slots.leave(key)  # whoever admitted it, it waits no longer
        try:
            tracked = current or await self._held.track(key, raw)
        except StatusError as error:
            return await self._refuse(key, raw, Refusal(Reason.STATUS_INVALID, str(error)))
        except ValueError as error:
            return await self._refuse(key, raw, Refusal(Reason.REVISION_LOST, str(error)))
        return None if tracked.ended else await self._advance(key, tracked)

    async def _admit(self, key: Key, raw: Mapping[str, Any]) -> float | None:
        outcome = await self._admission.admit(key, raw)
        if isinstance(outcome, Overtaken):
            self._held.forget(key)
            return 0
        if isinstance(outcome, Later):
            return outcome.seconds
        tracked, decided = outcome.tracked, outcome.decided
        self._held.keep(key, tracked)
        if await self._act(tracked, decided):
            return None
        return await self._advance(key, tracked)

    async def _give_back(self, tracked: Tracked) -> None:
        """Give back the slot of an execution that has ended or is gone."""
        claim = tracked.claim
        if claim is None:  # admitted by an earlier process
            claim = claim_of(tracked.graph, tracked.run, tracked.manifest)
        if isinstance(claim, Claim) and not tracked.gave_back:
            await self._slots.release(tracked.run.namespace, claim)
            tracked.gave_back = True

    async def _refuse(self, key: Key, raw: Mapping[str, Any], refusal: Refusal) -> float | None:
        self._slots.leave(key)
        if await end_unadmitted(self._shell, key, raw, refusal):
            return None
        self._held.forget(key)
        return 0

    # While it runs

    async def _advance(self, key: Key, tracked: Tracked) -> float | None:
        await stop_unwanted(self._shell, tracked)
        await recall_names(self._shell, tracked)
        for _ in range(MAX_ROUNDS):
            if not self._held.holds(key, tracked):
                return 0  # a write beside it failed, and everything is read again
            dirty = tracked.take_dirty(self._shell.clock())
            if dirty is not None and not dirty and not self._progress.due(tracked):
                return self._progress.next_change(tracked)
            now = self._shell.clock()  # what is seen from here on may be later, never earlier
            observed = await observe_active(self._shell, tracked, dirty)
            policies = await self._policies(tracked, dirty)
            decided = await self._shell.offload.run(
                partial(
                    advance,
                    tracked.graph,
                    tracked.run,
                    observed,
                    now,
                    scan=tracked.scan,
                    dirty=dirty,
                    policies=policies,
                )
            )
            if not self._held.holds(key, tracked):
                return 0
            await create_all(self._shell, tracked, decided.before)
            await control_all(self._shell, tracked, decided.before)
            if decided.ending is not None:
                await stop_strays(self._shell, tracked, decided)
                await stop_unrecorded(self._shell, tracked, decided)
            before = tracked.run.phase
            tracked.decided(decided)
            tracked.progressed(_with_jobs(tracked, decided), decided, now)
            tracked.scan = False
            if decided.urgent or decided.ending:
                stored = await self._progress.store(
                    key, tracked, ending=decided.ending, transition=decided.phase is not before
                )
                if not stored:
                    self._held.forget(key)
                    return 0
                if await self._act(tracked, decided):
                    return None
            else:
                announce_pass(self._shell, tracked.run, decided)
                if self._progress.due(tracked) and self._held.holds(key, tracked):
                    self._progress.begin(key, tracked)
            if not tracked.again and not tracked.whole:
                return self._progress.next_change(tracked)
        raise RuntimeError(f"execution {key[0]}/{key[1]} does not settle")

    async def _policies(self, tracked: Tracked, dirty: Collection[str] | None) -> Policies | None:
        """Those in place, read after the run; asked only where people are to be heard."""
        hearing = tracked.graph.hears_people
        if hearing.isdisjoint(nodes_to_reconcile(tracked.graph, tracked.run, dirty)):
            return None
        run = tracked.run
        return await self._shell.protection.policies(fresh=bool(run.decisions or run.signals))

    async def _act(self, tracked: Tracked, decided: Pass) -> bool:
        """Do what had to wait for the write; True when that was the execution's end."""
        announce_pass(self._shell, tracked.run, decided)
        await create_all(self._shell, tracked, decided.after)
        await control_all(self._shell, tracked, decided.after)
        if decided.ending is None:
            return False
        run = tracked.run
        announce_end(
            self._shell,
            tracked.reference,
            tracked.manifest,
            tracked.revision,
            decided.ending,
            run.started_at,
        )
        tracked.ended = True  # until the watch says so too
        await self._give_back(tracked)
        return True


def _with_jobs(tracked: Tracked, decided: Pass) -> dict[str, Record]:
    """The changes with the names of the Jobs and sub-executions created before them."""
    changes = dict(decided.records)
    for job in decided.before:
        if isinstance(job, ControlChild) or (
            isinstance(job, CreateChild) and job.index is not None
        ):
            continue  # it creates nothing; a fan-out's sub-executions are named by their item
        record = changes.get(job.node)
        name = tracked.name_of(job.node, job.attempt)
        if record is None or record.phase.terminal or name not in tracked.created:
            continue
        if isinstance(job, CreateChild):
            record = replace(record, execution=name, reason=Reason.SUB_WORKFLOW_CREATED)
        else:
            record = replace(record, job=name, reason=Reason.JOB_CREATED)
        changes[job.node] = record
    return changes
