"""What the operator holds of one execution between two reconciliations."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from orchestrator.controller.executions.act.holdups import HoldUp
from orchestrator.engine.admission import Refusal
from orchestrator.engine.concurrency import Claim
from orchestrator.engine.decisions import Pass
from orchestrator.engine.graph import Graph
from orchestrator.engine.observed import Attempt
from orchestrator.engine.records import Record, Run
from orchestrator.engine.scope import execution_view
from orchestrator.engine.status import run_from
from orchestrator.jobs.build import ExecutionIdentity
from orchestrator.jobs.names import job_name
from orchestrator.models.base import MAX_SALTS

CACHE_LAG = 5.0
"""Seconds after which what was created and is not in the cache is asked for by name."""


@dataclass(slots=True)
class Tracked:
    """One admitted execution as last read or written, and what this process has done for it."""

    graph: Graph
    run: Run
    version: int
    generation: int
    conditions: list[Mapping[str, Any]]
    revision: str
    manifest: Mapping[str, Any]
    """Its metadata and spec as last read."""
    claim: Claim | Refusal | None = None
    """What it holds against a limit, if this process admitted it."""
    gave_back: bool = False
    scan: bool = True
    """Whether the next pass reconciles every node: the first one does."""
    ended: bool = False
    strays: dict[str, str] = field(default_factory=dict)
    """Jobs that work for what has ended, to be stopped, with their nodes."""
    created: dict[str, float] = field(default_factory=dict)
    """Jobs and sub-executions that this process created, by name, and when."""
    job_uids: dict[str, str] = field(default_factory=dict)
    """The uids of its Jobs, by name: a Job of the same name with another uid is not ours."""
    refused: dict[tuple[str, int], Attempt] = field(default_factory=dict)
    """Attempts whose Job could not be created, and why."""
    hold_ups: dict[tuple[str, int, int | None], HoldUp] = field(default_factory=dict)
    """Attempts whose Job or sub-execution cannot be created for now, by node, attempt and, in a
    fan-out over sub-executions, item."""
    refused_items: dict[tuple[str, int, int], Attempt] = field(default_factory=dict)
    """The same of a fan-out's sub-executions, by node, attempt and item."""
    salts: dict[tuple[str, int, int | None], int] = field(default_factory=dict)
    """Of sub-executions whose first name is another's, by node, attempt and item: which has it."""
    recalled: bool = False
    """Whether `salts` has those of the sub-executions that an earlier read or process created."""
    stopped: set[tuple[str, bool]] = field(default_factory=set)
    """Jobs that were asked to stop, gently or by force."""
    fan_outs: dict[str, tuple[Attempt, float]] = field(default_factory=dict)
    """Fan-outs as last observed, by Job, and when."""
    read_live: dict[str, float] = field(default_factory=dict)
    """Overdue attempts that were read live, by Job, and when."""
    dirty: set[str] = field(default_factory=set)
    """Active nodes with events, to be reconciled in the next pass."""
    again: set[str] = field(default_factory=set)
    """Nodes that the last pass began, to be reconciled in the same pass."""
    whole: bool = True
    """Whether the next pass reconciles all active nodes."""
    wake_at: float | None = None
    """When the clock alone changes something, as the passes so far say."""
    recheck_at: float | None = None
    """When a Job that was created should be in the cache at last."""
    unstored: dict[str, Record] = field(default_factory=dict)
    """Changes that rest on evidence and are part of `run`, but of no write of the status yet."""
    taken: Mapping[str, Record] = field(default_factory=dict)
    """Those of the write under way."""
    replaced: dict[str, Record | None] = field(default_factory=dict)
    """What the status has of these nodes, after the write under way."""
    writing: asyncio.Task[None] | None = None
    """A write of progress in flight, in the background: no other one begins before it ends."""
    moved: bool = False
    """Whether a node moved in them, and not only what is shown of it."""
    unstored_since: float = 0.0
    written_at: float = 0.0
    """When the status was last written."""
    pace: float = 0.0
    """Seconds from one write of the status to the next, at least, unless one cannot wait."""

    @classmethod
    def read(cls, raw: Mapping[str, Any], graph: Graph) -> Tracked:
        """An admitted execution as its manifest and status say."""
        return cls(
            graph=graph,
            run=run_from(raw, graph),
            version=int(raw["metadata"]["resourceVersion"]),
            generation=raw["metadata"]["generation"],
            conditions=raw["status"].get("conditions") or [],
            revision=raw["status"]["revision"],
            manifest={"metadata": raw["metadata"], "spec": raw["spec"]},
        )

    def keep_memory_of(self, earlier: Tracked) -> None:
        """What this process did for the execution stays known when its status is read again."""
        self.created, self.refused, self.stopped = earlier.created, earlier.refused, earlier.stopped
        self.fan_outs, self.read_live = earlier.fan_outs, earlier.read_live
        self.refused_items = earlier.refused_items
        self.salts, self.recalled = earlier.salts, earlier.recalled
        self.job_uids, self.hold_ups = earlier.job_uids, earlier.hold_ups
        self.claim, self.gave_back = earlier.claim, earlier.gave_back
        self.written_at, self.pace = earlier.written_at, earlier.pace
        self._keep_progress_of(earlier)

    def _keep_progress_of(self, earlier: Tracked) -> None:
        """What rested on evidence is kept, unless the status says otherwise by now."""
        stored = self.run.records
        if any(_stage(stored.get(name)) != _stage(old) for name, old in earlier.replaced.items()):
            return
        self.unstored, self.replaced = earlier.unstored, earlier.replaced
        self.unstored_since, self.moved = earlier.unstored_since, earlier.moved
        run = self.run
        self.run = run.recorded(self.unstored, run.phase, run.cancelling, run.settled)

    def take_dirty(self, now: float) -> set[str] | None:
        """The active nodes to reconcile in a pass that begins now; None is all of them."""
        names: set[str] | None
        names, self.dirty, self.again = self.dirty | self.again, set(), set()
        due = [moment for moment in (self.wake_at, self.recheck_at) if moment is not None]
        if self.whole or self.scan or any(moment <= now for moment in due):
            names, self.whole, self.wake_at, self.recheck_at = None, False, None, None
        return names

    def decided(self, decided: Pass) -> None:
        """Remember when the clock will change something, and what to reconcile next."""
        if decided.wake_at is not None:
            self.wake_at = min(decided.wake_at, self.wake_at or decided.wake_at)
        run = self.run
        if (decided.phase, decided.cancelling, decided.settled, decided.trust) != (
            run.phase,
            run.cancelling,
            run.settled,
            run.trust,
        ):
            self.whole = True

    def progressed(self, changes: Mapping[str, Record], decided: Pass, now: float) -> None:
        """Take a pass's changes into the run; the status has them after the next write."""
        if changes and not self.unstored:
            self.unstored_since = now
        for name, record in changes.items():
            old = self.run.records.get(name)
            self.replaced.setdefault(name, old)
            begun = old is None or old.attempts != record.attempts
            if begun and not record.phase.terminal:
                self.again.add(name)
        self.moved = self.moved or decided.moved
        self.unstored.update(changes)
        run = self.run.recorded(changes, decided.phase, decided.cancelling, decided.settled)
        self.run = replace(run, trust=decided.trust)

    def recheck(self, moment: float) -> None:
        """Requeue at this moment at the latest."""
        self.recheck_at = min(moment, self.recheck_at or moment)

    def has_just_made(self, name: str, now: float) -> bool:
        """Whether this process made what has this name, too recently for the cache to be sure."""
        made = self.created.get(name)
        return made is not None and made <= now < made + CACHE_LAG  # a clock may be put back

    def take_unstored(self) -> Mapping[str, Record]:
        """The changes that a write which begins now stores; if it fails, it is read again."""
        self.taken = self.unstored
        self.unstored, self.replaced, self.moved = {}, {}, False
        return self.taken

    def stored(self, version: int, now: float, pace: float) -> None:
        """The status has what was taken, as of this version; the next write waits for the pace."""
        self.version, self.written_at, self.pace = version, now, pace
        self.taken = {}

    def has_stored(self, node: str) -> bool:
        """Whether the status has the node's record as it is here."""
        return node not in self.taken and node not in self.unstored

    def latest(self, node: str, decided: Pass) -> Record | None:
        """The record of a node with the changes of a pass."""
        return decided.records.get(node) or self.run.records.get(node)

    def name_of(self, node: str, attempt: int, index: int | None = None) -> str:
        """The name of an attempt's Job or sub-execution; `index` is the item's in a fan-out."""
        salt = self.salts.get((node, attempt, index), 0) if self.salts else 0
        return self.salted_name(node, attempt, index, salt)

    def salted_name(self, node: str, attempt: int, index: int | None, salt: int) -> str:
        """The name that `name_of` gives once so many names are passed over."""
        which = node if index is None else f"{node}[{index}]"
        known = self.graph.nodes.get(node)
        indexed = index is None and known is not None and known.spec.for_each is not None
        return job_name(self.run.workflow, which, self.run.uid, attempt, salt, indexed=indexed)

    def pass_over(self, node: str, attempt: int, index: int | None = None) -> bool:
        """Go on to the sub-execution's next name; whether there is one."""
        salt = self.salts.get((node, attempt, index), 0) + 1
        if salt > MAX_SALTS:
            return False
        self.salts[node, attempt, index] = salt
        return True

    @property
    def identity(self) -> ExecutionIdentity:
        """The execution as its Jobs name it."""
        run = self.run
        return ExecutionIdentity(
            run.name, run.namespace, run.uid, run.workflow, execution_view(run)
        )

    @property
    def reference(self) -> dict[str, str]:
        """The execution as Events name it."""
        return execution_reference(self.run.namespace, self.run.name, self.run.uid)


def _stage(record: Record | None) -> tuple[object, ...]:
    return () if record is None else (record.phase, record.attempts, record.iteration)


def execution_reference(namespace: str, name: str, uid: str) -> dict[str, str]:
    """An ObjectReference to an execution."""
    return {
        "apiVersion": "automation.itechsmart.dev/v1alpha1",
        "kind": "WorkflowExecution",
        "namespace": namespace,
        "name": name,
        "uid": uid,
    }
