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
    """What who controls an execution asks of it."""

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
    APPROVE = "Approve"
    REJECT = "Reject"


class TriggerReference(Model):
    """What started the execution."""

    type: Annotated[str, Field(max_length=63)]
    """Trigger type."""
    name: ObjectName
    """Name of the Trigger."""
    uid: Uid | None = None
    """Uid of the Trigger: only what names it was made by that Trigger."""
    depth: Annotated[int, Field(ge=0, le=5)] = 0
    """How many executions precede this one in a chain of triggers."""
    requester: Annotated[str, Field(max_length=253)] | None = None
    """The person behind the event; empty for one who is unknown, absent where there is none."""
    event: dict[str, Json] | None = None
    """What happened, as the trigger's type documents it; at most 64 KiB."""


class ParentReference(Model):
    """The execution whose node this one is."""

    name: ObjectName
    """Name of the parent."""
    uid: Uid
    """Uid of the parent."""
    node: Identifier
    """Node of the parent."""
    depth: Annotated[int, Field(ge=1, le=8)]
    """How deep below the root this execution is."""


class Decision(Model):
    """One person's decision on an approval."""

    node: Identifier
    """The approval node."""
    by: Annotated[str, Field(min_length=1, max_length=253)]
    """Who decides; the API server checks that it is who asks."""
    decision: Verdict
    """Approve or Reject."""
    groups: Annotated[list[Annotated[str, Field(max_length=253)]], Field(max_length=64)] = []
    """Groups of the decider that make them eligible."""
    comment: Annotated[str, Field(max_length=1024)] = ""
    """Why."""
    inputs: dict[str, Json] | None = None
    """What the approval asked to fill in."""
    at: Timestamp | None = None
    """When it was made, by the decider's clock: makes it differ from an earlier, equal one."""


class Signal(Model):
    """A signal that a wait node may be waiting for."""

    id: Annotated[str, Field(min_length=1, max_length=63)]
    """Identity of the signal: sent twice it counts once."""
    name: Identifier
    """Name of the signal."""
    payload: dict[str, Json] | None = None
    """At most 4 KiB."""
    by: Annotated[str, Field(max_length=253)] = ""
    """Who sent it."""


class RerunOf(Model):
    """An ended execution of which a part runs again."""

    name: ObjectName
    """Name of the source."""
    from_: Annotated[list[Identifier], Field(alias="from", min_length=1, max_length=MAX_NODES)]
    """Nodes to run again, with all that follows from them."""


class ExecutionSpec(Model):
    """A run as asked for; immutable but for desiredState, decisions and signals."""

    workflow: WorkflowName
    """Name of the Workflow."""
    variables: dict[str, Json] | None = None
    """Values of its variables; secrets cannot be set here."""
    requester: Annotated[str, Field(max_length=253)] | None = None
    """Who asked for it."""
    trigger: TriggerReference | None = None
    """What started it."""
    parent: ParentReference | None = None
    """The execution whose node this one is."""
    desired_state: DesiredState = DesiredState.RUNNING
    """Running, Paused, Cancelled or Terminated."""
    decisions: Annotated[list[Decision], Field(max_length=500)] = []
    """Decisions on approvals."""
    signals: Annotated[list[Signal], Field(max_length=500)] = []
    """Signals for wait nodes."""
    rerun_of: RerunOf | None = None
    """An ended execution of which a part runs again."""


class NodeRecord(Model):
    """What is recorded of a node; absent until the node starts or is skipped."""

    phase: NodePhase
    """Phase of the node."""
    reason: Annotated[str, Field(max_length=64)] | None = None
    """Why it is in this phase, one of the documented reasons."""
    message: Line | None = None
    """The reason in words."""
    attempts: int | None = None
    """Attempts begun, from 1."""
    iteration: int | None = None
    """Iteration of a repeat, from 0."""
    iteration_attempts: int | None = None
    """Attempts begun before this iteration."""
    exit_code: int | None = None
    """Exit code of the last attempt that failed."""
    job: Annotated[str, Field(max_length=63)] | None = None
    """Name of the last attempt's Job."""
    started_at: Timestamp | None = None
    """When the first attempt started."""
    attempt_started_at: Timestamp | None = None
    """When the last attempt started, if it is not the first."""
    finished_at: Timestamp | None = None
    """When it ended."""
    retry_at: Timestamp | None = None
    """When the next attempt starts."""
    execution: ObjectName | None = None
    """Name of the sub-execution."""
    completed: Annotated[str, Field(max_length=36_864)] | None = None
    """Items of a fan-out that succeeded, as ranges."""
    failed: Annotated[str, Field(max_length=36_864)] | None = None
    """Items of a fan-out that failed, as ranges."""
    items: int | None = None
    """Items of a fan-out."""
    outputs: dict[str, Json] | None = None
    """Outputs of a node that succeeded."""


class CancelRequest(Model):
    """That the operator has begun to cancel the execution."""

    at: Timestamp
    """Since when."""
    reason: Annotated[str, Field(max_length=64)]
    """Why: CancelRequested, ExecutionTimedOut, Replaced, …"""
    message: Line = ""
    """The reason in words."""


class SettledOutcome(Model):
    """How everything but `finally` ended: from then on only `finally` can change the end."""

    at: Timestamp
    """Since when."""
    phase: ExecutionPhase
    """What the execution comes to, unless `finally` fails."""
    reason: Annotated[str, Field(max_length=64)]
    """Why."""
    message: Text = ""
    """The reason in words."""
    expired_at: Timestamp | None = None
    """When finallyTimeout was over, if it was."""


class Counts(Model):
    """Nodes by phase."""

    total: int = 0
    """Nodes of the workflow."""
    running: int = 0
    """Pending, Running and Waiting."""
    succeeded: int = 0
    """Succeeded."""
    failed: int = 0
    """Failed and TimedOut."""
    skipped: int = 0
    """Skipped."""
    cancelled: int = 0
    """Cancelled."""


class TrustRecord(Model):
    """What of the spec is believed: what was written while the admission policies were in place."""

    policies: Annotated[str, Field(max_length=64)] | None = None
    """Identity of the policies under which decisions and signals count."""
    requester_unknown: bool | None = None
    """Whether the execution was created before the policies were in place as they are."""
    ignored: Annotated[list[Annotated[str, Field(max_length=32)]], Field(max_length=1000)] = []
    """Fingerprints of the decisions and signals that never count."""


class ExecutionStatus(Model):
    """What the operator says of a run."""

    observed_generation: int | None = None
    """The generation that the status speaks of."""
    phase: ExecutionPhase | None = None
    """Phase of the execution."""
    reason: Annotated[str, Field(max_length=64)] | None = None
    """Why it is in this phase, one of the documented reasons."""
    message: Text | None = None
    """The reason in words."""
    conditions: Annotated[list[Condition], Field(max_length=16)] = []
    """Ready, Reconciling, Stalled, Finished."""
    revision: ObjectName | None = None
    """ControllerRevision that holds what runs."""
    started_at: Timestamp | None = None
    """When it was admitted."""
    finished_at: Timestamp | None = None
    """When it ended."""
    cancel_requested: CancelRequest | None = None
    """That it is being cancelled."""
    settled: SettledOutcome | None = None
    """How everything but `finally` ended."""
    trust: TrustRecord | None = None
    """What of the spec is believed."""
    variables: dict[str, Json] | None = None
    """Values of all variables but secrets, defaults applied."""
    progress: Annotated[str, Field(max_length=32)] | None = None
    """Nodes ended of all nodes, such as 3/12."""
    active: Annotated[str, Field(max_length=256)] | None = None
    """Nodes that are running or waiting now."""
    counts: Counts | None = None
    """Nodes by phase."""
    outputs: dict[str, Json] | None = None
    """Outputs of the workflow."""
    nodes: Annotated[dict[Identifier, NodeRecord], Field(max_length=MAX_NODES)] | None = None
    """Records of the nodes by name."""
