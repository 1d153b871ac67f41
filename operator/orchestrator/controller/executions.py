"""The pass of one execution: read, decide, create Jobs, write the status once, act."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from orchestrator.controller.acting import control_all, create_all
from orchestrator.controller.admission import Revisions
from orchestrator.controller.admitting import Admission, Later, Overtaken
from orchestrator.controller.cache import Raw
from orchestrator.controller.looking import live
from orchestrator.controller.observing import observe_active
from orchestrator.controller.pacing import due, next_look
from orchestrator.controller.resources import EXECUTIONS
from orchestrator.controller.shell import Shell
from orchestrator.controller.slots import Slots
from orchestrator.controller.strays import (
    is_stray,
    node_of,
    stop_after_end,
    stop_strays,
    stop_unwanted,
)
from orchestrator.controller.tracked import Tracked
from orchestrator.controller.writing import (
    announce_end,
    announce_pass,
    end_unadmitted,
    store_pass,
)
from orchestrator.engine import reasons
from orchestrator.engine.admission import (
    Refusal,
)
from orchestrator.engine.advance import advance, looked_at
from orchestrator.engine.concurrency import Claim, claim_of
from orchestrator.engine.decisions import CreateChild, Ending, Pass
from orchestrator.engine.graph import NodeKind
from orchestrator.engine.reading import StatusError
from orchestrator.engine.records import Record
from orchestrator.jobs.observe import completed, failure
from orchestrator.models.execution import ExecutionPhase

logger = logging.getLogger(__name__)

MOST_ROUNDS = 50
"""Rounds of one pass; more would mean that two rules disagree for ever."""

FLUSHING = 5.0
"""Seconds that a stop waits for writes of progress."""
MOST_OVER = 1000
"""Executions found to be over that are remembered."""

Key = tuple[str, str]


class ExecutionReconciler:
    """Brings one execution after the other closer to its end."""

    def __init__(self, shell: Shell, revisions: Revisions) -> None:
        self._shell = shell
        self._revisions = revisions
        self._slots = Slots(shell)
        self._admission = Admission(shell, revisions, self._slots)
        self._tracked: dict[Key, Tracked] = {}
        self._stopped: set[str] = set()
        """Uids of Jobs that were stopped after their execution's end."""
        self._unsure: set[Key] = set()
        """Executions whose last write may or may not have taken effect: to be read live."""
        self._writes: dict[Key, asyncio.Task[None]] = {}
        """Writes of progress under way, beside the passes."""
        self._failed: dict[Key, Exception] = {}
        """Why the last such write failed: the next pass fails with it, and comes back like any."""
        self._over: dict[str, None] = {}
        """Uids of the latest that a live read found to be over: a watch may tell of them as they
        were before."""

    def note_job(self, key: Key, job: Raw) -> bool:
        """There is news of a Job; False when nobody needs it."""
        tracked = self._tracked.get(key)
        over = bool(completed(job) or failure(job))
        if tracked is None:
            return not over  # it may work for what has ended
        stray = not over and is_stray(tracked, job)
        if stray:
            tracked.strays[job["metadata"]["name"]] = node_of(job)
        return stray or self.note(key, node_of(job))

    def note(self, key: Key, node: str | None) -> bool:
        """There is news of a node's attempt, or of the whole; False when nobody needs it.

        What is not looked after is looked at as a whole when its turn comes.
        """
        tracked = self._tracked.get(key)
        if tracked is None:
            return False
        if node is None:
            tracked.whole = True
            return True
        record = tracked.run.records.get(node)
        if record is not None and record.phase.terminal:
            return False
        tracked.news.add(node)
        return True

    def forget_job(self, job: Raw) -> None:
        """A Job is gone."""
        self._stopped.discard(job["metadata"]["uid"])

    def made(self, key: Key, name: str) -> bool:
        """Whether this process made the Job of this name, so that its beginning is no news."""
        tracked = self._tracked.get(key)
        return tracked is not None and name in tracked.created

    async def flush(self) -> None:
        """Write the progress that waits for company, as far as it can be written soon."""
        try:
            async with asyncio.timeout(FLUSHING):
                await self._flush()
        except TimeoutError:
            logger.info("progress that was not written in time is found again")

    async def _flush(self) -> None:
        if self._writes:
            await asyncio.wait(list(self._writes.values()))
        waiting = [tracked for tracked in self._tracked.values() if tracked.unstored]
        writes = (store_pass(self._shell, tracked) for tracked in waiting)
        for outcome in await asyncio.gather(*writes, return_exceptions=True):
            if isinstance(outcome, Exception):
                logger.info("progress that was not written is found again: %s", outcome)

    async def reconcile(self, namespace: str, name: str) -> float | None:
        """One pass; the seconds until it wants to be asked again, or None."""
        key = (namespace, name)
        try:
            return await self._reconcile(key)
        except Exception:
            self._forget(key)
            raise

    async def _reconcile(self, key: Key) -> float | None:
        if (error := self._failed.pop(key, None)) is not None:
            raise error
        raw = await self._read(key)
        if await self._written(key, raw):
            raw = await self._read(key)
        if raw is None or _is_over(raw):
            self._slots.leave(key)
            tracked = self._tracked.pop(key, None) or await self._ended(key, raw)
            if tracked is not None:
                await self._give_back(tracked)
            if raw is not None:  # whoever wrote its end may not have lived to count it
                self._shell.metrics.left(*key, raw["metadata"]["uid"])
            await stop_after_end(self._shell, *key, self._stopped)
            return None
        known = self._known(key, raw)
        if known is None and not (raw.get("status") or {}).get("revision"):
            return await self._admit(key, raw)
        try:
            tracked = known or await self._track(key, raw)
        except StatusError as error:
            return await self._refuse(key, raw, Refusal(reasons.STATUS_INVALID, str(error)))
        except ValueError as error:
            return await self._refuse(key, raw, Refusal(reasons.REVISION_LOST, str(error)))
        return None if tracked.ended else await self._advance(key, tracked)

    async def _read(self, key: Key) -> Mapping[str, Any] | None:
        """The execution as the watch tells of it, or live where that is not enough."""
        known, tracked = self._shell.executions.get(*key), self._tracked.get(key)
        if known is not None and known["metadata"]["uid"] in self._over:
            self._drop(key, known["metadata"]["uid"])
            known = None
        missed = known is None and tracked is not None and not tracked.ended
        if key not in self._unsure and not missed:
            return known
        raw = await live(self._shell, EXECUTIONS, *key)
        self._unsure.discard(key)
        there = raw["metadata"]["uid"] if raw is not None else ""
        before = {known["metadata"]["uid"]} if known is not None else set()
        if tracked is not None:
            before.add(tracked.run.uid)
        for uid in before - {there}:
            self._drop(key, uid)
        if raw is not None and _is_over(raw):
            self._drop(key, there)
        return raw

    def _drop(self, key: Key, uid: str) -> None:
        """What a live read found to be over is known no longer, whatever a watch tells of it."""
        self._over[uid] = None
        if len(self._over) > MOST_OVER:
            del self._over[next(iter(self._over))]
        known = self._shell.executions.get(*key)
        if known is None or known["metadata"]["uid"] != uid:
            return
        self._shell.executions.remove(key)
        if parent := known["spec"].get("parent"):
            above = (key[0], parent["name"])
            self.note(above, parent.get("node"))
            self._shell.queue.add(above)

    def _known(self, key: Key, raw: Mapping[str, Any]) -> Tracked | None:
        """What is held of the execution, if the watch has told of nothing newer: of what this
        process wrote it may tell late, or never."""
        known = self._tracked.get(key)
        if known is None or known.run.uid != raw["metadata"]["uid"]:
            return None
        return known if int(raw["metadata"]["resourceVersion"]) <= known.version else None

    async def _track(self, key: Key, raw: Mapping[str, Any]) -> Tracked:
        """The execution read anew: the cluster has something newer than what is held of it."""
        graph = await self._revisions.graph(key[0], raw["status"]["revision"])
        fresh = Tracked.read(raw, graph)
        known = self._tracked.get(key)
        if known is not None and known.run.uid == fresh.run.uid:
            fresh.keep_memory_of(known)
        self._tracked[key] = fresh
        for job in self._shell.jobs.by_execution(fresh.run.uid).values():
            self.note_job(key, job)
        return fresh

    def _forget(self, key: Key) -> None:
        self._tracked.pop(key, None)
        self._unsure.add(key)

    async def _admit(self, key: Key, raw: Mapping[str, Any]) -> float | None:
        outcome = await self._admission.admit(key, raw)
        if isinstance(outcome, Overtaken):
            self._forget(key)
            return 0
        if isinstance(outcome, Later):
            return outcome.seconds
        tracked, decided = outcome.tracked, outcome.decided
        self._tracked[key] = tracked
        if await self._act(tracked, decided):
            return None
        return await self._advance(key, tracked)

    async def _ended(self, key: Key, raw: Mapping[str, Any] | None) -> Tracked | None:
        """What a live read found to be over: its slot may not have been given back."""
        revision = ((raw or {}).get("status") or {}).get("revision")
        if raw is None or not revision:
            return None
        try:
            return Tracked.read(raw, await self._revisions.graph(key[0], revision))
        except ValueError:  # nothing more can be known of it
            return None

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
        self._forget(key)
        return 0

    # While it runs

    async def _advance(self, key: Key, tracked: Tracked) -> float | None:
        await stop_unwanted(self._shell, tracked)
        for _ in range(MOST_ROUNDS):
            if self._tracked.get(key) is not tracked:
                return 0  # a write beside it failed, and all is read anew
            look = tracked.look(self._shell.clock())
            if look is not None and not look and not due(tracked, self._shell.clock()):
                return next_look(tracked, self._shell.clock())
            now = self._shell.clock()  # what is seen from here on may be later, never earlier
            observed = await observe_active(self._shell, tracked, look)
            decided = advance(
                tracked.graph,
                tracked.run,
                observed,
                now,
                scan=tracked.scan,
                look=look,
                protected=await self._protected(tracked, look),
            )
            await create_all(self._shell, tracked, decided.before)
            await control_all(self._shell, tracked, decided.before)
            if decided.ending is not None:
                await stop_strays(self._shell, tracked, decided)
            before = tracked.run.phase
            tracked.decided(decided)
            tracked.progressed(_with_jobs(tracked, decided), decided, now)
            tracked.scan = False
            if decided.urgent or decided.ending:
                transition = decided.phase is not before
                stored = await self._store(key, tracked, decided.ending, transition)
                if stored is None:
                    self._forget(key)
                    return 0
                self._look_for_strays(key, tracked, stored)
                if await self._act(tracked, decided):
                    return None
            else:
                announce_pass(self._shell, tracked.run, decided)
                if due(tracked, now) and self._tracked.get(key) is tracked:
                    work = self._store_beside(key, tracked)
                    tracked.writing = self._writes[key] = asyncio.create_task(work)
            if not tracked.again and not tracked.whole:
                return next_look(tracked, self._shell.clock())
        raise RuntimeError(f"execution {key[0]}/{key[1]} does not settle")

    async def _store(
        self, key: Key, tracked: Tracked, ending: Ending | None, transition: bool
    ) -> Mapping[str, Record] | None:
        """Store what cannot wait; None when the status is not what it was taken for."""
        if tracked.writing is not None:
            await asyncio.wait([tracked.writing])
        if self._tracked.get(key) is not tracked:
            return None
        return await store_pass(self._shell, tracked, ending=ending, transition=transition)

    async def _store_beside(self, key: Key, tracked: Tracked) -> None:
        """Store progress while passes go on: of a large status a write takes a while."""
        stored: Mapping[str, Record] | None = None
        failed: Exception | None = None
        try:
            stored = await store_pass(self._shell, tracked)
        except Exception as error:
            failed = error
        finally:
            tracked.writing = None
            self._writes.pop(key, None)
        if self._tracked.get(key) is not tracked:
            return
        if stored is None:
            self._forget(key)
            if failed is not None:
                self._failed[key] = failed
            self._shell.queue.add(key)
            return
        self._look_for_strays(key, tracked, stored)
        if (again := next_look(tracked, self._shell.clock())) is not None:
            self._shell.queue.add_after(key, again)

    def _look_for_strays(self, key: Key, tracked: Tracked, stored: Mapping[str, Record]) -> None:
        """A Job may have been made for what ended without it, and have told so before."""
        for node, record in stored.items():
            name = tracked.name_of(node, record.attempts + 1)
            job = self._shell.jobs.get(key[0], name) if record.phase.terminal else None
            if job is not None and self.note_job(key, job):
                self._shell.queue.add(key)

    async def _written(self, key: Key, raw: Mapping[str, Any] | None) -> bool:
        """Whether a write was under way, of which the cache may tell more than is known here."""
        write = self._writes.get(key)
        if write is None or (raw is not None and self._known(key, raw) is not None):
            return False
        await asyncio.wait([write])
        return True

    async def _protected(self, tracked: Tracked, look: Collection[str] | None) -> bool:
        """Whether decisions count; asked only where somebody is to decide."""
        looked = looked_at(tracked.graph, tracked.run, look)
        if not any(tracked.graph.nodes[name].kind is NodeKind.APPROVAL for name in looked):
            return True
        return await self._shell.protection.protected()

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
        if isinstance(job, CreateChild) and job.index is not None:
            continue  # a fan-out's are named by their item
        record = changes.get(job.node)
        name = tracked.name_of(job.node, job.attempt)
        if record is None or record.phase.terminal or name not in tracked.created:
            continue
        if isinstance(job, CreateChild):
            record = replace(record, execution=name, reason=reasons.CHILD_CREATED)
        else:
            record = replace(record, job=name, reason=reasons.JOB_CREATED)
        changes[job.node] = record
    return changes


def _is_over(execution: Mapping[str, Any]) -> bool:
    """Whether its phase is final."""
    phase: str | None = (execution.get("status") or {}).get("phase")
    return phase is not None and ExecutionPhase(phase).terminal
