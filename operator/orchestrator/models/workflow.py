"""Workflow: a graph of nodes and edges with typed variables."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from orchestrator.models.base import (
    APPROVER_PATTERN,
    Duration,
    Expression,
    Identifier,
    Json,
    Line,
    Model,
    ObjectName,
    Text,
    Timestamp,
    Uid,
    ValueType,
    WorkflowName,
)
from orchestrator.models.condition import Condition
from orchestrator.models.pod import PodSettings, Workspace

MAX_NODES = 2000
MAX_EDGES = 4000


class WorkflowState(StrEnum):
    """What may start a workflow: Active, anything; Draft, users and parent workflows only; Inactive
    and Archived, nothing."""

    DRAFT = "Draft"
    ACTIVE = "Active"
    INACTIVE = "Inactive"
    ARCHIVED = "Archived"


class Outcome(StrEnum):
    """The outcome of the source that an edge requires; Then and Else are for conditions."""

    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    ALWAYS = "Always"
    THEN = "Then"
    ELSE = "Else"


class Join(StrEnum):
    """Which incoming edges must be taken before a node starts."""

    ALL = "All"
    ANY = "Any"
    FIRST = "First"


class OnFailure(StrEnum):
    """The effect of an unhandled failure on the other branches."""

    FINISH = "Finish"
    STOP = "Stop"
    CANCEL = "Cancel"


class RetryReason(StrEnum):
    """An outcome of an attempt that is retried."""

    FAILED = "Failed"
    TIMED_OUT = "TimedOut"
    DISRUPTED = "Disrupted"


class ApprovalTimeout(StrEnum):
    """The result of an approval that times out."""

    FAIL = "Fail"
    REJECT = "Reject"
    APPROVE = "Approve"


class ConcurrencyPolicy(StrEnum):
    """The treatment of an execution that would exceed the limit."""

    QUEUE = "Queue"
    FORBID = "Forbid"
    REPLACE = "Replace"


class SecretKeyRef(Model):
    """A key of a Secret in the workflow's namespace."""

    name: ObjectName
    """Name of the Secret."""
    key: Annotated[str, Field(min_length=1, max_length=253)]
    """Key in the Secret's data."""


class Value(Model):
    """The common fields of a variable and of a template's parameter."""

    name: Identifier
    """Name that expressions use."""
    type: ValueType
    """Type of the value."""
    description: Text = ""
    """Purpose of the value."""
    required: bool = False
    """Whether a value is required."""
    default: Json = None
    """Value that applies if none is provided."""
    enum: Annotated[list[Json], Field(max_length=64)] | None = None
    """Allowed values."""
    pattern: Annotated[str, Field(max_length=256)] | None = None
    """RE2 pattern that the whole string must match."""
    minimum: float | None = None
    """Minimum number."""
    maximum: float | None = None
    """Maximum number."""
    min_length: Annotated[int, Field(ge=0)] | None = None
    """Minimum number of characters of a string, or of items of a list."""
    max_length: Annotated[int, Field(ge=0)] | None = None
    """Maximum number of characters of a string, or of items of a list."""


class Variable(Value):
    """A typed variable; a secret is set by secretKeyRef only, never by an execution."""

    secret_key_ref: SecretKeyRef | None = None
    """Key of the Secret that contains the value of a secret variable."""


class Backoff(Model):
    """Wait before the next attempt: initial * factor^n, at most max, with jitter."""

    initial: Duration | None = None
    """Initial wait; default 2s."""
    factor: Annotated[float, Field(ge=1, le=10)] | None = None
    """Growth from one wait to the next; default 2."""
    max: Duration | None = None
    """Maximum wait; default 5m."""


class Retry(Model):
    """When and how often an attempt is retried."""

    limit: Annotated[int, Field(ge=0, le=100)]
    """Maximum number of extra attempts."""
    reasons: Annotated[list[RetryReason], Field(max_length=3)] | None = None
    """Outcomes of an attempt that are retried; default all three."""
    backoff: Backoff | None = None
    """Wait before each extra attempt."""


class Approval(Model):
    """A decision by one or more people."""

    approvers: Annotated[
        list[Annotated[str, Field(pattern=APPROVER_PATTERN, max_length=260)]],
        Field(min_length=1, max_length=64),
    ]
    """Users and groups that may decide: user:NAME or group:NAME."""
    required: Annotated[int, Field(ge=1, le=16)] | None = None
    """Number of distinct people who must approve; default 1."""
    exclude_requester: bool | None = None
    """Whether the requester of the execution may not decide; default false."""
    on_timeout: ApprovalTimeout | None = None
    """Result if the approval times out; default Fail."""
    inputs: dict[str, Json] | None = None
    """JSON Schema of the inputs that approvers provide."""


class SubWorkflow(Model):
    """Another workflow of the namespace, run as a sub-execution."""

    name: WorkflowName
    """Name of the workflow."""
    variables: dict[str, Json] | None = None
    """Values of its variables; strings may contain expressions."""


class Wait(Model):
    """Waits for a condition or a signal: exactly one."""

    until: Expression | None = None
    """Expression that ends the wait when true; evaluated at each change and every 10 s."""
    signal: Identifier | None = None
    """Name of the signal."""


class ForEach(Model):
    """Runs the node once for each item."""

    values: Expression
    """Expression that returns the list of items."""
    as_: Annotated[Identifier, Field(alias="as")]
    """Name of the item in the node's expressions."""
    parallelism: Annotated[int, Field(ge=1, le=1000)] | None = None
    """Maximum number of items that run at once."""
    max_failed: Annotated[int, Field(ge=0)] | None = None
    """Maximum number of failed items with which the node succeeds; default 0."""
    gather: Annotated[list[Identifier], Field(max_length=16)] | None = None
    """Outputs to collect in item order."""
    timeout: Duration | None = None
    """Timeout of the whole fan-out."""


class Repeat(Model):
    """Runs the node again until a condition is true."""

    until: Expression
    """Expression that ends the repetition when true."""
    limit: Annotated[int, Field(ge=1, le=1000)]
    """Maximum number of iterations."""
    delay: Duration | None = None
    """Wait between iterations."""


class Node(Model):
    """A step of the workflow, of exactly one kind."""

    name: Identifier
    """Name that edges and expressions use."""
    title: Line | None = None
    """Display name."""
    description: Text | None = None
    """Purpose of the node."""
    action: Annotated[str, Field(min_length=1, max_length=259)] | None = None
    """Runs the ClusterTemplate of this name; local/NAME runs the Template of the namespace."""
    with_: Annotated[dict[str, Json] | None, Field(alias="with")] = None
    """Parameters of the action; strings may contain expressions."""
    condition: Expression | None = None
    """Evaluates a boolean expression: succeeds either way, with the output `result`."""
    approval: Approval | None = None
    """Waits for decisions of approvers."""
    delay: Duration | None = None
    """Waits for a fixed time."""
    workflow: SubWorkflow | None = None
    """Runs another workflow as a sub-execution."""
    transform: Annotated[dict[Identifier, Expression], Field(max_length=64)] | None = None
    """Computes outputs from expressions."""
    wait: Wait | None = None
    """Waits for a condition or a signal."""
    fail: Annotated[str, Field(min_length=1, max_length=1024)] | None = None
    """Fails with this message, which may contain expressions: makes a handled failure fail the
    execution nevertheless."""
    when: Expression | None = None
    """Condition for the node to run; false skips it, with reason BranchNotChosen."""
    for_each: ForEach | None = None
    """Runs the action or workflow once for each item."""
    repeat: Repeat | None = None
    """Runs the action or workflow until a condition is true."""
    join: Join | None = None
    """When a node with several incoming edges starts; default All."""
    retry: Retry | None = None
    """When the action or workflow is retried."""
    timeout: Duration | None = None
    """Timeout of each attempt of an action or workflow, or of an approval or wait."""
    start_timeout: Duration | None = None
    """Maximum time from the decision to start an attempt to the start of its container; default
    10m."""
    allow_failure: bool | None = None
    """Whether a failure of this node counts as handled."""


class Edge(Model):
    """Connects two nodes; taken when the source has this outcome and `when` is true."""

    from_: Annotated[Identifier, Field(alias="from")]
    """Source node."""
    to: Identifier
    """Target node."""
    outcome: Outcome | None = None
    """Required outcome of the source; default Succeeded, or Then for a condition."""
    when: Expression | None = None
    """Additional condition for the edge to be taken."""


class Defaults(Model):
    """Default settings of actions and sub-workflows."""

    retry: Retry | None = None
    """Retry of nodes that set none."""
    timeout: Duration | None = None
    """Timeout of nodes that set none; default 1h."""
    start_timeout: Duration | None = None
    """startTimeout of actions that set none; default 10m."""


class Output(Model):
    """An output of the workflow, computed when it succeeds."""

    name: Identifier
    """Name of the output."""
    value: Expression
    """Expression over all nodes and variables."""


class Concurrency(Model):
    """Limits the number of executions that run at once."""

    policy: ConcurrencyPolicy = ConcurrencyPolicy.QUEUE
    """Whether an execution over the limit is queued, forbidden, or replaces the oldest one."""
    limit: Annotated[int, Field(ge=1, le=10000)] | None = None
    """Maximum number of executions at once for each key; default no limit."""
    key: Expression | None = None
    """Expression over the variables; executions are counted for each value."""
    group: Annotated[str, Field(max_length=63)] = ""
    """Workflows of the namespace with the same group are counted together."""


class History(Model):
    """Retention of ended executions."""

    succeeded: Annotated[int, Field(ge=0, le=10000)] = 20
    """Number of succeeded executions to keep."""
    failed: Annotated[int, Field(ge=0, le=10000)] = 50
    """Number of failed, timed out and cancelled executions to keep."""
    keep_jobs: Duration = "1h"
    """How long the Jobs and pods of an ended execution are kept."""


class WorkflowSpec(Model):
    """Desired workflow."""

    title: Line = ""
    """Display name."""
    description: Text = ""
    """Purpose of the workflow."""
    state: WorkflowState = WorkflowState.ACTIVE
    """Draft: started by users and parent workflows only; Inactive, Archived: never started."""
    variables: Annotated[list[Variable], Field(max_length=100)] = []
    """Typed variables."""
    defaults: Defaults | None = None
    """Default settings of actions and sub-workflows."""
    nodes: Annotated[list[Node], Field(min_length=1, max_length=MAX_NODES)]
    """Steps of the workflow."""
    edges: Annotated[list[Edge], Field(max_length=MAX_EDGES)] = []
    """Connections between nodes."""
    finally_: Annotated[
        list[Identifier], Field(alias="finally", max_length=100, default_factory=list)
    ]
    """Nodes without edges that always run last."""
    finally_timeout: Duration = "10m"
    """Timeout of all nodes of finally together."""
    outputs: Annotated[list[Output], Field(max_length=64)] = []
    """Outputs of the workflow."""
    on_failure: OnFailure = OnFailure.FINISH
    """Effect of an unhandled failure on other branches: Finish lets them continue, Stop starts no
    further nodes, Cancel also cancels running nodes."""
    timeout: Duration | None = None
    """Timeout of an execution, counted from its admission."""
    priority: Annotated[int, Field(ge=-1000, le=1000)] = 0
    """Priority in the queue; higher values are admitted first."""
    concurrency: Concurrency | None = None
    """Limits the number of executions that run at once."""
    history: History | None = None
    """Retention of ended executions."""
    workspace: Workspace | None = None
    """Volume that the pods of an execution share."""
    pod: PodSettings | None = None
    """Settings of the pods of all actions."""
    layout: (
        Annotated[
            dict[Identifier, Annotated[list[float], Field(min_length=2, max_length=2)]],
            Field(max_length=MAX_NODES),
        ]
        | None
    ) = None
    """Node positions in the visual builder; without effect on executions."""


CountedMark = Annotated[str, Field(max_length=128)]


class LastExecution(Model):
    """The execution that ended last."""

    name: ObjectName
    """Name of the execution."""
    uid: Uid
    """Uid of the execution."""
    phase: Annotated[str, Field(max_length=32)]
    """Final phase."""
    finished_at: Timestamp
    """Time of the end."""


class Durations(Model):
    """Durations of the last 100 executions, in seconds."""

    average: float = 0
    """Mean."""
    p50: float = 0
    """Median."""
    p95: float = 0
    """95th percentile (nearest rank)."""


class WorkflowMetrics(Model):
    """Metrics of a workflow; each execution is counted exactly once."""

    total: int = 0
    """Number of ended executions."""
    executions: Annotated[dict[str, int], Field(max_length=16)] = {}
    """Number of ended executions by phase."""
    forbidden: int = 0
    """Number of executions that the concurrency limit forbade; their phase is Cancelled."""
    success_rate: float = 0
    """Share of succeeded executions, between 0 and 1; forbidden ones are excluded."""
    duration_seconds: Durations = Durations()
    """Durations of the last 100 executions."""
    recent: Annotated[list[float], Field(max_length=100)] = []
    """Durations of the last 100 executions in seconds, oldest first."""
    counted: Annotated[list[CountedMark], Field(max_length=500)] = []
    """Most recently counted executions, as finishedAt/uid."""
    counted_before: CountedMark | None = None
    """Executions up to this finishedAt/uid are counted."""
    last_execution: LastExecution | None = None
    """Execution that ended last."""


class WorkflowStatus(Model):
    """Observed state of a workflow."""

    observed_generation: int | None = None
    """Generation that the conditions refer to."""
    conditions: Annotated[list[Condition], Field(max_length=16)] = []
    """Ready, Reconciling, Stalled."""
    metrics: WorkflowMetrics | None = None
    """Metrics of the workflow's executions."""
