"""The state of one active execution: its run, its pending writes, and what was done for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from orchestrator.controller.executions.state.admitted import AdmittedExecution
from orchestrator.controller.executions.state.child_names import AttemptKey, ChildNames
from orchestrator.controller.executions.state.creations import Creations
from orchestrator.controller.executions.state.holdups import HoldUp
from orchestrator.controller.executions.state.observations import Observations
from orchestrator.controller.executions.state.pending_status import PendingStatus
from orchestrator.controller.executions.state.slot import HeldSlot
from orchestrator.controller.executions.state.stops import Stops
from orchestrator.controller.executions.state.wakeups import Due, WakeUps
from orchestrator.engine.concurrency.slots import Claim
from orchestrator.engine.decisions import Pass
from orchestrator.engine.graph import Graph
from orchestrator.engine.scope import execution_view
from orchestrator.engine.status.execution_status import run_from
from orchestrator.engine.status.records import Record, Run
from orchestrator.jobs.build import ExecutionIdentity
from orchestrator.jobs.names import job_name
from orchestrator.models.execution import DesiredState


@dataclass(slots=True)
class ExecutionState:
    """The state of one active execution; its parts have types with rules of their own."""

    execution: AdmittedExecution
    run: Run
    """As the status will be once `pending` is stored."""
    pending: PendingStatus
    wakeups: WakeUps = field(default_factory=WakeUps)
    creations: Creations = field(default_factory=Creations)
    stops: Stops = field(default_factory=Stops)
    observations: Observations = field(default_factory=Observations)
    names: ChildNames = field(default_factory=ChildNames)
    slot: HeldSlot = field(default_factory=HeldSlot)
    ended: bool = False
    """Whether its end is stored, though no watch may have reported that yet."""

    @classmethod
    def read(cls, raw: Mapping[str, Any], graph: Graph) -> ExecutionState:
        """An admitted execution from its manifest and status; ValueError if they are
        inconsistent."""
        version, conditions = raw["metadata"]["resourceVersion"], raw["status"].get("conditions")
        return cls(
            execution=AdmittedExecution.read(raw, graph),
            run=run_from(raw, graph),
            pending=PendingStatus(int(version), conditions or []),
        )

    def continue_from(self, earlier: ExecutionState) -> None:
        """Keep what this process did for the execution when its status is read again."""
        self.creations, self.observations = earlier.creations, earlier.observations
        self.names, self.slot = earlier.names, earlier.slot
        self.stops = earlier.stops.continued()
        self.pending.continue_from(earlier.pending, self.run.records)
        run = self.run
        self.run = run.recorded(self.pending.unstored, run.phase, run.cancelling, run.settled)

    def admit(self, claim: Claim | None, reused: Mapping[str, Record]) -> None:
        """Begin the execution now, with its slot if it has a claim, and with `reused` records of
        its source."""
        if claim is not None:
            self.slot.acquired(claim)
        self.pending.reuse(reused)
        self.names.all_recalled()  # nothing can have been created before it began

    def apply(self, decided: Pass, changes: Mapping[str, Record], now: float) -> None:
        """Apply the decisions of a pass to the run; the next write stores them."""
        run, records = self.run, self.run.records
        self.wakeups.wake(decided.wake_at)
        if _facts(decided) != _facts(run):
            self.wakeups.mark_all()
        for name, record in changes.items():
            old = records.get(name)
            begun = old is None or old.attempts != record.attempts
            if begun and not record.phase.terminal:
                self.wakeups.requeue(name)
        self.pending.add(changes, records, now, transition=decided.transition)
        run = run.recorded(changes, decided.phase, decided.cancelling, decided.settled)
        self.run = replace(run, trust=decided.trust)

    def end(self) -> None:
        """Record that its end is stored."""
        self.ended = True

    def hold_up(self, key: AttemptKey, now: float) -> HoldUp | None:
        """Why the attempt cannot be created; None once a retry is due, so that the engine requests
        it. During a pause no retry is due: nothing is created, and `startTimeout` continues."""
        hold_up = self.creations.hold_up(key)
        if hold_up is not None and now < hold_up.retry_at:
            self.wakeups.recheck(hold_up.retry_at)
            return hold_up
        return hold_up if self.run.desired_state is DesiredState.PAUSED else None

    def next_change(self, active: int, now: float) -> Due | None:
        """When the state changes by the clock alone; None if only an event can change it.

        `active` is the number of active executions.
        """
        due = [*self.wakeups.due(now)]
        if (write := self.pending.due_in(active, now)) is not None:
            due.append(Due(write, "batched status write"))
        if not due:
            return None
        first = min(due)
        return Due(max(first.seconds, 0.001), first.why)

    def latest(self, node: str, decided: Pass) -> Record | None:
        """The record of a node including the changes of a pass."""
        return decided.records.get(node) or self.run.records.get(node)

    def name_of(self, node: str, attempt: int, item: int | None = None) -> str:
        """The name of an attempt's Job or sub-execution."""
        return self.salted_name(
            node, attempt, item, self.names.salt(AttemptKey(node, attempt, item))
        )

    def salted_name(self, node: str, attempt: int, item: int | None, salt: int) -> str:
        """The name that `name_of` returns once this many names are skipped."""
        which = node if item is None else f"{node}[{item}]"
        known = self.graph.nodes.get(node)
        indexed = item is None and known is not None and known.spec.for_each is not None
        return job_name(self.run.workflow, which, self.run.uid, attempt, salt, indexed=indexed)

    @property
    def key(self) -> tuple[str, str]:
        """Its namespace and name."""
        return self.run.namespace, self.run.name

    @property
    def graph(self) -> Graph:
        """The workflow that was frozen for the execution."""
        return self.execution.graph

    @property
    def identity(self) -> ExecutionIdentity:
        """The execution's identity, as its Jobs carry it."""
        run = self.run
        return ExecutionIdentity(
            run.name, run.namespace, run.uid, run.workflow, execution_view(run), _chain(run)
        )

    @property
    def reference(self) -> dict[str, str]:
        """The object reference for Events."""
        return self.execution.reference


def _chain(run: Run) -> str:
    """The chain that actions hand on by what they write; empty for an execution that begins one."""
    trigger = run.trigger or {}
    depth, root = trigger.get("depth") or 0, trigger.get("root") or ""
    return f"{depth}/{root}" if depth and root else ""


def _facts(source: Pass | Run) -> tuple[object, ...]:
    """The facts on which every active node depends."""
    return source.phase, source.cancelling, source.settled, source.trust
