"""The states of a node that has started, and the facts that determine them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from orchestrator.engine.graph import GraphNode
from orchestrator.engine.observed import Attempt
from orchestrator.engine.status.records import Cancelling, Record


class NodeState(StrEnum):
    """State of a node that has started: finer than its phase, since it determines the next step."""

    AWAITING = "Awaiting"
    """Waits for people, a signal or a condition."""
    DELAYED = "Delayed"
    DELAY_OVER = "DelayOver"
    BACKING_OFF = "BackingOff"
    """Waits until its next attempt is due."""
    RETRY_DUE = "RetryDue"
    WITHHELD = "Withheld"
    """Would start an attempt, but the execution is paused."""
    MISSING = "Missing"
    """Its Job or sub-execution was decided but, as far as is known, not created."""
    UNOBSERVED = "Unobserved"
    """Its Job or sub-execution is recorded, but not in the caches at the moment."""
    IN_PROGRESS = "InProgress"
    OVERDUE = "Overdue"
    """A sub-execution past its timeout: the node ends when the sub-execution has ended."""
    STOPPING = "Stopping"
    RETRYABLE = "Retryable"
    """Its attempt did not succeed, and another one follows."""
    SUCCEEDED = "Succeeded"
    OUTPUTS_LOST = "OutputsLost"
    """It succeeded, because its successors have started, but its outputs are lost."""
    FAILED = "Failed"
    TIMED_OUT = "TimedOut"
    CANCELLED = "Cancelled"


class Stop(StrEnum):
    """How a running attempt is stopped."""

    GENTLY = "Gently"
    """Its pod and log stay."""
    BY_FORCE = "ByForce"


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts that determine the state of a node."""

    node: GraphNode
    record: Record
    attempt: Attempt | None
    """What was observed of the recorded attempt."""
    cause: Cancelling | None
    """Why the node is to end, if it is."""
    terminated: bool
    paused: bool
    followed: bool
    """Whether a successor that requires the node's success has started."""
    run: str
    """Uid of the execution, which determines the jitter of a backoff."""
    now: float

    @property
    def tried(self) -> int:
        """Attempts in this iteration."""
        return self.record.attempts - self.record.iteration_attempts


@dataclass(frozen=True, slots=True)
class Assessment:
    """The state of a node, with the reason and message for its record."""

    state: NodeState
    record: Record
    """Its record, with what was observed of a running attempt."""
    reason: str = ""
    message: str = ""
    end: Attempt | None = None
    """How the attempt ended, if an end was observed or it never started in time."""
    stop: Stop | None = None
    """How its running attempt is to be stopped, if it is."""
    due: float | None = None
    """When the state changes by the clock alone."""
