"""WorkflowExecution: one run."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from orchestrator.models.base import (
    Identifier,
    Json,
    Line,
    Model,
    ObjectName,
    Text,
    Timestamp,
    Uid,
    WorkflowName,
)
from orchestrator.models.condition import Condition
from orchestrator.models.workflow import MAX_NODES


class DesiredState(StrEnum):
    """The state in which a user wants an execution to be."""

    RUNNING = "Running"
    PAUSED = "Paused"
    CANCELLED = "Cancelled"
    TERMINATED = "Terminated"


class ExecutionPhase(StrEnum):
    """Phases of an execution; the last four are final."""

    QUEUED = "Queued"
    PENDING = "Pending"
    RUNNING = "Running"
    PAUSED = "Paused"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    TIMED_OUT = "TimedOut"
    CANCELLED = "Cancelled"

    @property
    def terminal(self) -> bool:
        """Whether the phase is final."""
        return self in _TERMINAL_EXECUTION


_TERMINAL_EXECUTION = frozenset(
    {
        ExecutionPhase.SUCCEEDED,
        ExecutionPhase.FAILED,
        ExecutionPhase.TIMED_OUT,
        ExecutionPhase.CANCELLED,
    }
)


class NodePhase(StrEnum):
    """Phases of a node; the last five are final."""

    PENDING = "Pending"
    RUNNING = "Running"
    WAITING = "Waiting"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    TIMED_OUT = "TimedOut"
    SKIPPED = "Skipped"
    CANCELLED = "Cancelled"

    @property
    def terminal(self) -> bool:
        """Whether the phase is final."""
        return self in _TERMINAL_NODE


_TERMINAL_NODE = frozenset(
    {
        NodePhase.SUCCEEDED,
        NodePhase.FAILED,
        NodePhase.TIMED_OUT,
        NodePhase.SKIPPED,
        NodePhase.CANCELLED,
    }
)


class Verdict(StrEnum):
    """The content of a decision."""

    APPROVE = "Approve"
    REJECT = "Reject"


class TriggerReference(Model):
    """The Trigger that started the execution, and its event."""

    type: Annotated[str, Field(max_length=63)]
    """Type of the Trigger."""
    name: ObjectName
    """Name of the Trigger."""
    uid: Uid | None = None
    """Uid of the Trigger; proves that this Trigger created the execution."""
    depth: Annotated[int, Field(ge=0, le=5)] = 0
    """Number of executions before this one in a chain of triggers."""
    requester: Annotated[str, Field(max_length=253)] | None = None
    """Person who caused the event; empty if unknown, absent if no person did."""
    root: Uid | None = None
    """Uid of the execution at the root of its chain of triggers; absent for one that begins it."""
    not_before: Timestamp | None = None
    """Earliest start: the execution exceeds the rateLimit of its Trigger."""
    over_limit: Annotated[str, Field(max_length=16)] | None = None
    """Policy of that rateLimit: Queue, or Newest, by which a newer execution replaces it."""
    event: dict[str, Json] | None = None
    """The event, with the fields that the trigger's type documents; at most 64 KiB."""


class ParentReference(Model):
    """The parent execution, a node of which runs this one."""

    name: ObjectName
    """Name of the parent."""
    uid: Uid
    """Uid of the parent."""
    node: Identifier
    """Node of the parent that runs this execution."""
    depth: Annotated[int, Field(ge=1, le=8)]
    """Number of ancestors."""


class Decision(Model):
    """One person's decision on an approval."""

    node: Identifier
    """The approval node."""
    by: Annotated[str, Field(min_length=1, max_length=253)]
    """User who decides; the API server checks that it is the user who sends the request."""
    decision: Verdict
    """Approve or Reject."""
    groups: Annotated[list[Annotated[str, Field(max_length=253)]], Field(max_length=64)] = []
    """Groups of the decider that make them eligible."""
    comment: Annotated[str, Field(max_length=1024)] = ""
    """Comment of the decider."""
    inputs: dict[str, Json] | None = None
    """Inputs that the approval asks for."""
    at: Timestamp | None = None
    """Time of the decision by the decider's clock; distinguishes it from an earlier, equal one."""


class Signal(Model):
    """A signal that a wait node may be waiting for."""

    id: Annotated[str, Field(min_length=1, max_length=63)]
    """Unique id of the signal; a signal that is sent twice counts once."""
    name: Identifier
    """Name of the signal."""
    payload: dict[str, Json] | None = None
    """Data of the signal; at most 4 KiB."""
    by: Annotated[str, Field(max_length=253)] = ""
    """Sender of the signal."""


class RerunOf(Model):
    """An ended execution, a part of which runs again."""

    name: ObjectName
    """Name of the ended execution."""
    from_: Annotated[list[Identifier], Field(alias="from", min_length=1, max_length=MAX_NODES)]
    """Nodes to run again, together with all nodes downstream of them."""


class ExecutionSpec(Model):
    """Desired run of a workflow; immutable except for desiredState, decisions and signals."""

    workflow: WorkflowName
    """Name of the Workflow."""
    variables: dict[str, Json] | None = None
    """Values of its variables; secrets cannot be set here."""
    requester: Annotated[str, Field(max_length=253)] | None = None
    """User who started the execution."""
    trigger: TriggerReference | None = None
    """Trigger that started the execution."""
    parent: ParentReference | None = None
    """Parent execution, a node of which runs this one."""
    desired_state: DesiredState = DesiredState.RUNNING
    """Running, Paused, Cancelled or Terminated."""
    decisions: Annotated[list[Decision], Field(max_length=500)] = []
    """Decisions on approvals."""
    signals: Annotated[list[Signal], Field(max_length=500)] = []
    """Signals for wait nodes."""
    rerun_of: RerunOf | None = None
    """Ended execution, a part of which runs again."""


class NodeRecord(Model):
    """State of a node; absent until the node starts or is skipped."""

    phase: NodePhase
    """Phase of the node."""
    reason: Annotated[str, Field(max_length=64)] | None = None
    """Documented reason for the phase."""
    message: Line | None = None
    """Human-readable details of the reason."""
    attempts: int | None = None
    """Number of started attempts."""
    iteration: int | None = None
    """Iteration of a repeat, from 0."""
    iteration_attempts: int | None = None
    """Number of attempts started before this iteration."""
    exit_code: int | None = None
    """Exit code of the last failed attempt."""
    job: Annotated[str, Field(max_length=63)] | None = None
    """Name of the last attempt's Job."""
    started_at: Timestamp | None = None
    """Start of the first attempt."""
    attempt_started_at: Timestamp | None = None
    """Start of the last attempt, if it is not the first."""
    finished_at: Timestamp | None = None
    """End of the node."""
    retry_at: Timestamp | None = None
    """Start of the next attempt."""
    execution: ObjectName | None = None
    """Name of the sub-execution."""
    completed: Annotated[str, Field(max_length=36_864)] | None = None
    """Succeeded items of a fan-out, as ranges of indexes."""
    failed: Annotated[str, Field(max_length=36_864)] | None = None
    """Failed items of a fan-out, as ranges of indexes."""
    items: int | None = None
    """Number of items of a fan-out."""
    outputs: dict[str, Json] | None = None
    """Outputs of a succeeded node."""


class CancelRequest(Model):
    """A cancellation that the operator has begun."""

    at: Timestamp
    """Start of the cancellation."""
    reason: Annotated[str, Field(max_length=64)]
    """Documented reason, such as CancelRequested, ExecutionTimedOut or Replaced."""
    message: Line = ""
    """Human-readable details of the reason."""


class SettledOutcome(Model):
    """Outcome of all nodes except `finally`; only a failure of `finally` can still change it."""

    at: Timestamp
    """Time at which the outcome was settled."""
    phase: ExecutionPhase
    """Final phase of the execution, unless `finally` fails."""
    reason: Annotated[str, Field(max_length=64)]
    """Documented reason for the phase."""
    message: Text = ""
    """Human-readable details of the reason."""
    expired_at: Timestamp | None = None
    """Time at which finallyTimeout expired, if it did."""


class Counts(Model):
    """Number of nodes by phase."""

    total: int = 0
    """All nodes of the workflow."""
    running: int = 0
    """Nodes in phase Pending, Running or Waiting."""
    succeeded: int = 0
    """Nodes in phase Succeeded."""
    failed: int = 0
    """Nodes in phase Failed or TimedOut."""
    skipped: int = 0
    """Nodes in phase Skipped."""
    cancelled: int = 0
    """Nodes in phase Cancelled."""


class TrustRecord(Model):
    """Which decisions, signals and requester are trusted: those written while the admission
    policies were in place."""

    policies: Annotated[str, Field(max_length=64)] | None = None
    """Identity of the policies under which decisions and signals count."""
    requester_unknown: bool | None = None
    """Whether the execution was created before the current policies were in place."""
    ignored: Annotated[list[Annotated[str, Field(max_length=32)]], Field(max_length=1000)] = []
    """Fingerprints of the decisions and signals that never count."""


class ExecutionStatus(Model):
    """Observed state of a run."""

    observed_generation: int | None = None
    """Generation that the status refers to."""
    phase: ExecutionPhase | None = None
    """Phase of the execution."""
    reason: Annotated[str, Field(max_length=64)] | None = None
    """Documented reason for the phase."""
    message: Text | None = None
    """Human-readable details of the reason."""
    conditions: Annotated[list[Condition], Field(max_length=16)] = []
    """Ready, Reconciling, Stalled, Finished; Recorded once the history has the execution."""
    revision: ObjectName | None = None
    """ControllerRevision with the frozen workflow, templates and sub-workflows."""
    started_at: Timestamp | None = None
    """Time of the admission."""
    finished_at: Timestamp | None = None
    """Time of the end."""
    cancel_requested: CancelRequest | None = None
    """Cancellation that has begun."""
    settled: SettledOutcome | None = None
    """Outcome of all nodes except `finally`."""
    trust: TrustRecord | None = None
    """Which decisions, signals and requester are trusted."""
    variables: dict[str, Json] | None = None
    """Values of all variables except secrets, with defaults applied."""
    progress: Annotated[str, Field(max_length=32)] | None = None
    """Ended and total number of nodes, such as 3/12."""
    active: Annotated[str, Field(max_length=256)] | None = None
    """Names of the nodes that are running or waiting."""
    counts: Counts | None = None
    """Number of nodes by phase."""
    outputs: dict[str, Json] | None = None
    """Outputs of the workflow."""
    nodes: Annotated[dict[Identifier, NodeRecord], Field(max_length=MAX_NODES)] | None = None
    """Records of the nodes by name."""
