"""A pass in progress: its decisions so far, on top of the stored state."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import cast

from orchestrator.engine.decisions import (
    Announce,
    ControlChild,
    CreateChild,
    Creation,
    StopJob,
)
from orchestrator.engine.expression_budgets import MAX_JUDGING_WORK, MAX_PASS_WORK, MAX_WAITS_WORK
from orchestrator.engine.graph import Graph, GraphNode
from orchestrator.engine.nodes.not_started import HOLD_UPS
from orchestrator.engine.observed import Attempt, Observed
from orchestrator.engine.people.protection import Policies
from orchestrator.engine.people.trust import Trust, trust_under
from orchestrator.engine.scope import Surroundings
from orchestrator.engine.status.records import Cancelling, Record, Run, Settled, as_stored, clip
from orchestrator.engine.status.size import BARE_RECORD_BYTES, MAX_OUTPUTS, MAX_STATUS
from orchestrator.engine.times import in_words
from orchestrator.expressions.budget import Account
from orchestrator.models.execution import DesiredState, NodePhase
from orchestrator.models.reasons import EventReason, Reason


@dataclass(slots=True)
class Work:
    """Collects one pass; the rules read everything about an execution through it.

    `unstored` names the nodes whose change in this pass rests on the clock, the spec or an absence.
    What follows from them must wait until the change is stored, or two controllers could take two
    branches.
    """

    graph: Graph
    run: Run
    observed: Observed
    now: float
    cancelling: Cancelling | None
    settled: Settled | None
    policies: Policies | None
    """The installed policies, read after the run; None if they are missing or not needed."""
    changes: dict[str, Record] = field(default_factory=dict)
    unstored: set[str] = field(default_factory=set)
    ended: list[str] = field(default_factory=list)
    transition: bool = False
    """Whether a node changed its phase, and not only its reported progress."""
    settled_now: bool = False
    before: list[Creation | ControlChild] = field(default_factory=list)
    after: list[Creation | StopJob | ControlChild] = field(default_factory=list)
    announcements: list[Announce] = field(default_factory=list)
    wake_at: float | None = None
    begun: int = 0
    """Nodes that get their first record in this pass."""
    more_outputs: int = 0
    more_size: int = 0
    """Bytes that this pass adds to the run."""
    account: Account = field(default_factory=lambda: Account(MAX_PASS_WORK))
    """Budget for the expressions that advance nodes."""
    asking: Account = field(init=False)
    """Budget, part of that, for nodes that wait for a condition."""
    reacting: Account = field(default_factory=lambda: Account(MAX_JUDGING_WORK))
    """Separate budget for whether the failures of the pass are handled."""
    decided_before: Collection[str] = ()
    """Instant nodes without a record that an earlier pass had decided: a pause does not withhold
    them."""
    fitting: dict[str, bool] = field(default_factory=dict)
    """Whether a signal's payload is small enough, by the signal's id, once computed."""
    surroundings: Surroundings | None = None
    """The scope of the nodes of `finally`, once computed: everything in it has ended."""

    def __post_init__(self) -> None:
        self.asking = Account(MAX_WAITS_WORK, self.account)

    @property
    def protected(self) -> bool:
        """Whether trusted decisions and signals count: only once the current policies are
        stored."""
        return self.policies is not None and self.policies.identity == self.run.trust.policies

    @property
    def trust(self) -> Trust:
        """The trust in the spec from now on."""
        run = self.run
        entries = (*run.decisions, *run.signals)
        return trust_under(run.trust, self.policies, run.created_at, entries, self.now)

    @property
    def records(self) -> Mapping[str, Record]:
        """The current records, including this pass's changes."""
        if not self.changes:
            return self.run.records
        return ChainMap(self.changes, cast("dict[str, Record]", self.run.records))

    @property
    def count(self) -> int:
        """The number of nodes that have a record now."""
        return len(self.run.records) + self.begun

    def goes_on(self) -> bool:
        """Whether a node with a record has not ended."""
        return any(
            not self.records[name].phase.terminal for name in (*self.run.active, *self.changes)
        )

    @property
    def paused(self) -> bool:
        """Whether nothing may be started."""
        return self.run.desired_state is DesiredState.PAUSED and self.cancelling is None

    def cause(self, node: GraphNode) -> Cancelling | None:
        """Why the node is to end, if it is: nothing in it starts any more."""
        if not node.final:
            return self.cancelling
        if self.settled is None:
            return None
        if self.run.desired_state is DesiredState.TERMINATED:
            return self.cancelling
        if self.settled.expired_at is not None:
            message = f"finally took longer than {self.graph.spec.finally_timeout}"
            return Cancelling(self.settled.expired_at, Reason.FINALLY_TIMED_OUT, message)
        return None

    def settle(self, settled: Settled) -> None:
        """Record how the nodes outside `finally` ended; `finally` depends on it, so it is stored
        first."""
        self.settled = settled
        self.settled_now = True

    def stored(self, node: GraphNode) -> bool:
        """Whether the cause of the node's start is stored already, or cannot change."""
        if node.final:
            return self.settled == self.run.settled
        return not any(edge.source in self.unstored for edge in node.incoming)

    def record(self, name: str) -> Record | None:
        """The current record of a node."""
        return self.changes.get(name) or self.run.records.get(name)

    def attempt(self, node: str, record: Record) -> Attempt | None:
        """The observation of the node's last attempt."""
        return self.observed.get((node, record.attempts))

    def observe(self, node: GraphNode, record: Record) -> None:
        """Record the observation of a running attempt: nothing follows from it, so it can wait."""
        record = _stored_form(record)
        if record != self.record(node.name):
            self._put(node.name, record)

    def set(self, node: GraphNode, record: Record, *, evidence: bool) -> None:
        """Record a node; `evidence` means that the change rests on facts that cannot change."""
        record = self._within_budget(_stored_form(record))
        if record == self.record(node.name):
            return
        self.transition = True
        self._put(node.name, record)
        if not evidence:
            self.unstored.add(node.name)
        if record.phase.terminal:
            self.ended.append(node.name)
            self._announce_end(node, record)

    def end(
        self, node: GraphNode, phase: NodePhase, reason: str, message: str, *, evidence: bool
    ) -> None:
        """Record that a node ended now, and keep the record of its attempts."""
        record = self.record(node.name) or Record(phase)
        self.set(
            node,
            replace(
                record,
                phase=phase,
                reason=reason,
                message=message,
                finished_at=self.now if phase is not NodePhase.SKIPPED else None,
                retry_at=None,
            ),
            evidence=evidence,
        )

    def create(self, node: GraphNode, creation: Creation) -> None:
        """Create an object before the status is written, if its cause is stored or cannot change.

        A sub-execution always comes after the status: unlike a Job, it acts by itself, so one that
        a controller with an old view creates would run alongside a parent that is paused or has
        ended.
        """
        acts = isinstance(creation, CreateChild)
        if acts or node.name in self.unstored or not self.stored(node):
            self.unstored.add(node.name)
            self.after.append(creation)
        else:
            self.before.append(creation)

    def wake(self, moment: float) -> None:
        """Request another pass at this time at the latest."""
        self.wake_at = moment if self.wake_at is None else min(self.wake_at, moment)

    def announce(self, reason: EventReason, message: str) -> None:
        """Report a transition as an Event."""
        self.announcements.append(Announce(reason, message))

    def _put(self, name: str, record: Record) -> None:
        old = self.record(name)
        if old is None:
            self.begun += 1
        else:
            self.more_outputs -= old.outputs_size
            self.more_size -= old.size
        self.more_outputs += record.outputs_size
        self.more_size += record.size
        self.changes[name] = record
        self._announce_hold_up(name, old, record)

    def _within_budget(self, record: Record) -> Record:
        """The record if it fits into the status: outputs that do not fit fail their node."""
        if not record.outputs and not record.message:
            return record
        own, room = record.outputs_size, BARE_RECORD_BYTES * (len(self.graph.nodes) - self.count)
        outputs = self.run.outputs_size + self.more_outputs + own
        size = self.run.size + self.more_size + record.size + room
        if outputs <= MAX_OUTPUTS and size <= MAX_STATUS:
            return record
        if not record.outputs:
            return replace(record, message="")
        return replace(
            record,
            phase=NodePhase.FAILED,
            reason=Reason.STATUS_BUDGET,
            message=f"its outputs are {own:,} bytes; with them, the outputs of all nodes are"
            f" {outputs:,}; at most {MAX_OUTPUTS:,} are stored",
            outputs={},
        )

    def _announce_hold_up(self, name: str, old: Record | None, record: Record) -> None:
        if record.reason not in _HELD_UP or record.phase.terminal:
            return
        if old is None or (old.reason, old.attempts) != (record.reason, record.attempts):
            message = f"{name} is held up ({record.reason}: {record.message})"
            self.announce(EventReason.NODE_HELD_UP, message)

    def _announce_end(self, node: GraphNode, record: Record) -> None:
        took = ""
        if record.started_at is not None and record.finished_at is not None:
            took = f" after {in_words(record.finished_at - record.started_at)}"
        attempts = f", attempt {record.attempts}" if record.attempts > 1 else ""
        why = ": ".join(part for part in (record.reason, record.message) if part)
        self.announce(
            _EVENTS[record.phase],
            f"{node.name} {_VERBS[record.phase]}{took}{attempts}{f' ({why})' if why else ''}",
        )


def _stored_form(record: Record) -> Record:
    """The record as the status stores it, so that a restart reads the same."""
    outputs = as_stored(dict(record.outputs)) if record.outputs else record.outputs
    return replace(record, message=clip(record.message), outputs=outputs)


_HELD_UP = HOLD_UPS | {Reason.NODE_NOT_READY}
_VERBS = {
    NodePhase.SUCCEEDED: "succeeded",
    NodePhase.FAILED: "failed",
    NodePhase.TIMED_OUT: "timed out",
    NodePhase.SKIPPED: "was skipped",
    NodePhase.CANCELLED: "was cancelled",
}
_EVENTS = {
    NodePhase.SUCCEEDED: EventReason.NODE_SUCCEEDED,
    NodePhase.FAILED: EventReason.NODE_FAILED,
    NodePhase.TIMED_OUT: EventReason.NODE_TIMED_OUT,
    NodePhase.SKIPPED: EventReason.NODE_SKIPPED,
    NodePhase.CANCELLED: EventReason.NODE_CANCELLED,
}
