"""The states of a node that has started, and what they are judged by."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from orchestrator.engine.graph import GraphNode
from orchestrator.engine.observed import Attempt
from orchestrator.engine.status.records import Cancelling, Record


class NodeState(StrEnum):
    """What a node that has started is in: finer than its phase, since it decides what is done."""

    AWAITING = "Awaiting"
    """Waits for people, a signal or a condition."""
    DELAYED = "Delayed"
    DELAY_OVER = "DelayOver"
    BACKING_OFF = "BackingOff"
    """Waits for the time of its next attempt."""
    RETRY_DUE = "RetryDue"
    WITHHELD = "Withheld"
    """Would begin an attempt, and the execution is paused."""
    MISSING = "Missing"
    """Its Job or sub-execution was decided and, as far as anybody knows, not created."""
    UNOBSERVED = "Unobserved"
    """Its Job or sub-execution is on record, and the caches do not show it at the moment."""
    IN_PROGRESS = "InProgress"
    OVERDUE = "Overdue"
    """A sub-execution whose time is over: the node ends when that has ended."""
    STOPPING = "Stopping"
    RETRYABLE = "Retryable"
    """Its attempt ended badly, and another one follows."""
    SUCCEEDED = "Succeeded"
    OUTPUTS_LOST = "OutputsLost"
    """It succeeded, for something was created that follows from it; its outputs are gone."""
    FAILED = "Failed"
    TIMED_OUT = "TimedOut"
    CANCELLED = "Cancelled"


class Stop(StrEnum):
    """How what runs of an attempt is stopped."""

    GENTLY = "Gently"
    """Its pod and log stay."""
    BY_FORCE = "ByForce"


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the state of a node follows from."""

    node: GraphNode
    record: Record
    attempt: Attempt | None
    """What was observed of the attempt on record."""
    cause: Cancelling | None
    """Why the node is brought to its end, if it is."""
    terminated: bool
    paused: bool
    followed: bool
    """Whether something that follows from the node's success exists."""
    run: str
    """Uid of the execution, from which the jitter of a backoff is drawn."""
    now: float

    @property
    def tried(self) -> int:
        """Attempts of this iteration."""
        return self.record.attempts - self.record.iteration_attempts


@dataclass(frozen=True, slots=True)
class Assessment:
    """The state of a node, with the reason and the message that its record is to have."""

    state: NodeState
    record: Record
    """Its record, with what was observed of an attempt that goes on."""
    reason: str = ""
    message: str = ""
    end: Attempt | None = None
    """How the attempt ended, if an end was observed or the clock gave it up unstarted."""
    stop: Stop | None = None
    """How what runs of it is to be stopped, if it is."""
    due: float | None = None
    """When the clock alone changes the state."""
