"""The state that this process holds of active executions, and whether it is current."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from orchestrator.controller.executions.act.strays import is_stray, names_its_attempt
from orchestrator.controller.executions.admission.revisions import Revisions
from orchestrator.controller.executions.observe.looking import live
from orchestrator.controller.executions.shell import Shell
from orchestrator.controller.executions.tracked import Tracked
from orchestrator.jobs.observe import completed, failure, fans_out, node_of
from orchestrator.kube.cache import Raw
from orchestrator.kube.resources import EXECUTIONS
from orchestrator.models.execution import ExecutionPhase

MAX_OVER = 1000
"""Executions found to be over that are remembered."""

Key = tuple[str, str]


class Held:
    """By namespace and name; the watches note here which nodes have events."""

    def __init__(self, shell: Shell, revisions: Revisions) -> None:
        self._shell = shell
        self._revisions = revisions
        self._tracked: dict[Key, Tracked] = {}
        self._unsure: set[Key] = set()
        """Executions whose last write may or may not have taken effect: to be read live."""
        self._over: dict[str, None] = {}
        """Uids of the latest that a live read found to be over: a watch may report them as they
        were before."""
        self.stopped: set[str] = set()
        """Uids of Jobs that were stopped after their execution's end."""

    def __iter__(self) -> Iterator[Tracked]:
        return iter(self._tracked.values())

    def __len__(self) -> int:
        return len(self._tracked)

    def holds(self, key: Key, tracked: Tracked) -> bool:
        """Whether this is what is held of the execution; not when all of it is to be read again."""
        return self._tracked.get(key) is tracked

    def keep(self, key: Key, tracked: Tracked) -> None:
        """Hold this of the execution from now on."""
        self._tracked[key] = tracked

    def pop(self, key: Key) -> Tracked | None:
        """What was held of the execution, and is no longer."""
        return self._tracked.pop(key, None)

    def forget(self, key: Key) -> None:
        """What is held may be wrong: all of it is read again, and live."""
        self._tracked.pop(key, None)
        self._unsure.add(key)

    # Events

    def note(self, key: Key, node: str | None) -> bool:
        """An event concerns a node's attempt, or the whole; False when nothing depends on it.

        An execution without state here is reconciled as a whole when its turn comes.
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
        tracked.dirty.add(node)
        return True

    def note_job(self, key: Key, job: Raw) -> bool:
        """An event concerns a Job; False when nothing depends on it."""
        tracked = self._tracked.get(key)
        over = self._is_over(job)
        if tracked is None:
            return not over  # it may work for what has ended
        stray = not over and is_stray(tracked, job)
        if stray:
            tracked.strays[job["metadata"]["name"]] = node_of(job)
        return stray or self.note_attempt(key, job)

    def note_attempt(self, key: Key, job: Raw) -> bool:
        """An event concerns a Job's attempt or its pods; False when nothing depends on it.

        Where its annotations are not those of its name, all of the execution is reconciled.
        """
        tracked = self._tracked.get(key)
        if tracked is None or names_its_attempt(tracked, job):
            return self.note(key, node_of(job))
        return self.note(key, None)

    def _is_over(self, job: Raw) -> bool:
        """Whether nothing works for the Job any more: its pod says so seconds before it."""
        if completed(job) or failure(job):
            return True
        namespace, uid = job["metadata"]["namespace"], job["metadata"]["uid"]
        return not fans_out(job) and self._shell.pods.any_ended(namespace, uid)

    def forget_job(self, job: Raw) -> None:
        """A Job is gone."""
        self.stopped.discard(job["metadata"]["uid"])

    def made(self, key: Key, name: str) -> bool:
        """Whether this process made the Job of this name, so that its creation needs no pass."""
        tracked = self._tracked.get(key)
        return tracked is not None and name in tracked.created

    # Reading

    async def read(self, key: Key) -> Mapping[str, Any] | None:
        """The execution as the watch reports it, or live where that is not enough."""
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
        if raw is not None and is_over(raw):
            self._drop(key, there)
        return raw

    def current(self, key: Key, raw: Mapping[str, Any]) -> Tracked | None:
        """What is held of the execution, if the watch has reported nothing newer: of what this
        process wrote it may report late, or never."""
        held = self._tracked.get(key)
        if held is None or held.run.uid != raw["metadata"]["uid"]:
            return None
        return held if int(raw["metadata"]["resourceVersion"]) <= held.version else None

    async def track(self, key: Key, raw: Mapping[str, Any]) -> Tracked:
        """The execution read again: the cluster has something newer than what is held of it.

        Raises ValueError when its revision or its status cannot be read.
        """
        graph = await self._revisions.graph(key[0], raw["status"]["revision"])
        fresh = Tracked.read(raw, graph)
        held = self._tracked.get(key)
        if held is not None and held.run.uid == fresh.run.uid:
            fresh.keep_memory_of(held)
        self._tracked[key] = fresh
        for job in self._shell.jobs.by_execution(key[0], fresh.run.uid).values():
            self.note_job(key, job)
        return fresh

    async def ended(self, key: Key, raw: Mapping[str, Any] | None) -> Tracked | None:
        """What a live read found to be over: its slot may not have been given back."""
        revision = ((raw or {}).get("status") or {}).get("revision")
        if raw is None or not revision:
            return None
        try:
            return Tracked.read(raw, await self._revisions.graph(key[0], revision))
        except ValueError:  # nothing more can be known of it
            return None

    def _drop(self, key: Key, uid: str) -> None:
        """What a live read found to be over is no longer known, whatever a watch reports of it."""
        self._over[uid] = None
        if len(self._over) > MAX_OVER:
            del self._over[next(iter(self._over))]
        known = self._shell.executions.get(*key)
        if known is None or known["metadata"]["uid"] != uid:
            return
        self._shell.executions.remove(key)
        if parent := known["spec"].get("parent"):
            above = (key[0], parent["name"])
            self.note(above, parent.get("node"))
            self._shell.queue.add(above)


def is_over(execution: Mapping[str, Any]) -> bool:
    """Whether its phase is final."""
    phase: str | None = (execution.get("status") or {}).get("phase")
    return phase is not None and ExecutionPhase(phase).terminal
