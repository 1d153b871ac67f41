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
    """Who may start a workflow: everything (Active), people and parents (Draft), or nothing."""

    DRAFT = "Draft"
    ACTIVE = "Active"
    INACTIVE = "Inactive"
    ARCHIVED = "Archived"


class Outcome(StrEnum):
    """What an edge asks of its source; Then and Else are for conditions."""

    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    ALWAYS = "Always"
    THEN = "Then"
    ELSE = "Else"


class Join(StrEnum):
    """When a node with several incoming edges starts."""

    ALL = "All"
    ANY = "Any"
    FIRST = "First"


class OnFailure(StrEnum):
    """What an unhandled failure does to the other branches."""

    FINISH = "Finish"
    STOP = "Stop"
    CANCEL = "Cancel"


class RetryReason(StrEnum):
    """Why an attempt may be repeated."""

    FAILED = "Failed"
    TIMED_OUT = "TimedOut"
    DISRUPTED = "Disrupted"


class ApprovalTimeout(StrEnum):
    FAIL = "Fail"
    REJECT = "Reject"
    APPROVE = "Approve"


class ConcurrencyPolicy(StrEnum):
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
    """What a variable and a template's parameter have in common."""

    name: Identifier
    """Name by which expressions read it."""
    type: ValueType
    """Type of the value."""
    description: Text = ""
    """What the value is for."""
    required: bool = False
    """Whether a value must be given."""
    default: Json = None
    """The value when none is given."""
    enum: Annotated[list[Json], Field(max_length=64)] | None = None
    """The values allowed."""
    pattern: Annotated[str, Field(max_length=256)] | None = None
    """RE2 pattern that the whole string must match."""
    minimum: float | None = None
    """Least number allowed."""
    maximum: float | None = None
    """Greatest number allowed."""
    min_length: Annotated[int, Field(ge=0)] | None = None
    """Least length of a string, or items of a list."""
    max_length: Annotated[int, Field(ge=0)] | None = None
    """Greatest length of a string, or items of a list."""


class Variable(Value):
    """A typed variable; a secret is bound here only, and no execution can set it."""

    secret_key_ref: SecretKeyRef | None = None
    """The key of a Secret that holds a secret variable's value."""


class Backoff(Model):
    """How long to wait before the next attempt: initial * factor^n, at most max, with jitter."""

    initial: Duration | None = None
    """First wait; 2s when absent."""
    factor: Annotated[float, Field(ge=1, le=10)] | None = None
    """Growth from one wait to the next; 2 when absent."""
    max: Duration | None = None
    """Longest wait; 5m when absent."""


class Retry(Model):
    """When and how often an attempt is repeated."""

    limit: Annotated[int, Field(ge=0, le=100)]
    """Extra attempts."""
    reasons: Annotated[list[RetryReason], Field(max_length=3)] | None = None
    """Which ends of an attempt are repeated; all three when absent."""
    backoff: Backoff | None = None
    """How long to wait before each."""


class Approval(Model):
    """A decision by people."""

    approvers: Annotated[
        list[Annotated[str, Field(pattern=APPROVER_PATTERN, max_length=260)]],
        Field(min_length=1, max_length=64),
    ]
    """Who may decide: user:NAME or group:NAME."""
    required: Annotated[int, Field(ge=1, le=16)] | None = None
    """How many distinct people must approve; 1 when absent."""
    exclude_requester: bool | None = None
    """Whether who started the execution may not decide."""
    on_timeout: ApprovalTimeout | None = None
    """What happens if no decision is made in time; Fail if absent."""
    inputs: dict[str, Json] | None = None
    """JSON Schema of what approvers are asked to fill in."""


class SubWorkflow(Model):
    """Another workflow of the namespace, run as a child."""

    name: WorkflowName
    """Name of the workflow."""
    variables: dict[str, Json] | None = None
    """Values of its variables; strings may hold expressions."""


class Wait(Model):
    """Waits for a condition or a signal: exactly one."""

    until: Expression | None = None
    """Expression asked again at each change and every 10 s."""
    signal: Identifier | None = None
    """Name of the signal."""


class ForEach(Model):
    """Runs the node once for each item."""

    values: Expression
    """Expression that yields the list of items."""
    as_: Annotated[Identifier, Field(alias="as")]
    """Name by which the node's expressions read the item."""
    parallelism: Annotated[int, Field(ge=1, le=1000)] | None = None
    """How many items run at once."""
    max_failed: Annotated[int, Field(ge=0)] | None = None
    """How many failed items the node forgives; 0 when absent."""
    gather: Annotated[list[Identifier], Field(max_length=16)] | None = None
    """Outputs collected in item order."""
    timeout: Duration | None = None
    """Bounds the whole fan-out."""


class Repeat(Model):
    """Runs the node again until a condition holds."""

    until: Expression
    """Expression that ends the repetition."""
    limit: Annotated[int, Field(ge=1, le=1000)]
    """Most iterations."""
    delay: Duration | None = None
    """Wait between iterations."""


class Node(Model):
    """A step of the graph: exactly one of the kinds action … fail."""

    name: Identifier
    """Name by which edges and expressions refer to the node."""
    title: Line | None = None
    """What people see."""
    description: Text | None = None
    """What the node is for."""
    action: Annotated[str, Field(min_length=1, max_length=259)] | None = None
    """Runs the ClusterTemplate of this name, or the namespace's Template as local/NAME."""
    with_: Annotated[dict[str, Json] | None, Field(alias="with")] = None
    """The action's parameters; strings may hold expressions."""
    condition: Expression | None = None
    """Succeeds with output `result`, whichever way it falls."""
    approval: Approval | None = None
    """Waits for people's decisions."""
    delay: Duration | None = None
    """Waits for this long."""
    workflow: SubWorkflow | None = None
    """Runs another workflow as a child."""
    transform: Annotated[dict[Identifier, Expression], Field(max_length=64)] | None = None
    """Computes outputs from expressions."""
    wait: Wait | None = None
    """Waits for a condition or a signal."""
    fail: Annotated[str, Field(min_length=1, max_length=1024)] | None = None
    """Fails with this message, which may hold expressions: ends a handled path as a failure."""
    when: Expression | None = None
    """False skips the node, as a branch not chosen."""
    for_each: ForEach | None = None
    """Runs the action or workflow once for each item."""
    repeat: Repeat | None = None
    """Runs the action or workflow until a condition holds."""
    join: Join | None = None
    """When to start with several incoming edges; All when absent."""
    retry: Retry | None = None
    """When the action or workflow is tried again."""
    timeout: Duration | None = None
    """Bounds each attempt of an action, or the waiting of an approval or wait."""
    start_timeout: Duration | None = None
    """Bounds the time from an attempt's decision to the start of its container; 10m when absent."""
    allow_failure: bool | None = None
    """Whether a failure of this node counts as handled."""


class Edge(Model):
    """Leads from one node to another when its outcome matches and its `when` holds."""

    from_: Annotated[Identifier, Field(alias="from")]
    """Source node."""
    to: Identifier
    """Target node."""
    outcome: Outcome | None = None
    """What the source must have come to; Succeeded when absent, Then for a condition."""
    when: Expression | None = None
    """Further condition for the edge to be taken."""


class Defaults(Model):
    """What applies to actions and sub-workflows that do not say otherwise."""

    retry: Retry | None = None
    """Retry of nodes without one."""
    timeout: Duration | None = None
    """Timeout of nodes without one; 1h when absent."""
    start_timeout: Duration | None = None
    """startTimeout of actions without one; 10m when absent."""


class Output(Model):
    """An output of the workflow, computed when it succeeds."""

    name: Identifier
    """Name of the output."""
    value: Expression
    """Expression over all nodes and variables."""


class Concurrency(Model):
    """How many executions may run at once."""

    policy: ConcurrencyPolicy = ConcurrencyPolicy.QUEUE
    """What an execution over the limit does: waits, is forbidden, or replaces the oldest."""
    limit: Annotated[int, Field(ge=1, le=10000)] | None = None
    """Most executions at once, for each key; no limit when absent."""
    key: Expression | None = None
    """Expression over the variables; executions are counted per value."""
    group: Annotated[str, Field(max_length=63)] = ""
    """Counts together with the namespace's other workflows of this group."""


class History(Model):
    """How many ended executions are kept."""

    succeeded: Annotated[int, Field(ge=0, le=10000)] = 20
    """Succeeded executions kept."""
    failed: Annotated[int, Field(ge=0, le=10000)] = 50
    """Failed, timed out and cancelled executions kept."""
    keep_jobs: Duration = "1h"
    """How long an ended execution's Jobs and pods are kept."""


class WorkflowSpec(Model):
    """A workflow as written."""

    title: Line = ""
    """What people see."""
    description: Text = ""
    """What the workflow is for."""
    state: WorkflowState = WorkflowState.ACTIVE
    """Draft: started by hand or by a parent only; Inactive, Archived: nothing starts it."""
    variables: Annotated[list[Variable], Field(max_length=100)] = []
    """Typed variables."""
    defaults: Defaults | None = None
    """What applies to actions and sub-workflows that do not say otherwise."""
    nodes: Annotated[list[Node], Field(min_length=1, max_length=MAX_NODES)]
    """The steps."""
    edges: Annotated[list[Edge], Field(max_length=MAX_EDGES)] = []
    """What leads from one step to the next."""
    finally_: Annotated[
        list[Identifier], Field(alias="finally", max_length=100, default_factory=list)
    ]
    """Nodes without edges that run last, whatever happened."""
    finally_timeout: Duration = "10m"
    """Bounds the nodes of finally together."""
    outputs: Annotated[list[Output], Field(max_length=64)] = []
    """Outputs of the whole workflow."""
    on_failure: OnFailure = OnFailure.FINISH
    """What an unhandled failure does to the other branches."""
    timeout: Duration | None = None
    """Bounds an execution, from its admission."""
    priority: Annotated[int, Field(ge=-1000, le=1000)] = 0
    """Higher goes first in the queue."""
    concurrency: Concurrency | None = None
    """How many executions may run at once."""
    history: History | None = None
    """How many ended executions are kept."""
    workspace: Workspace | None = None
    """A volume shared by the pods of an execution."""
    pod: PodSettings | None = None
    """Settings for the pods of every action."""
    layout: (
        Annotated[
            dict[Identifier, Annotated[list[float], Field(min_length=2, max_length=2)]],
            Field(max_length=MAX_NODES),
        ]
        | None
    ) = None
    """The visual builder's positions: never part of what runs."""


CountedMark = Annotated[str, Field(max_length=128)]


class LastExecution(Model):
    """The newest execution that ended."""

    name: ObjectName
    """Its name."""
    uid: Uid
    """Its uid: also what makes counting exact."""
    phase: Annotated[str, Field(max_length=32)]
    """How it ended."""
    finished_at: Timestamp
    """When it ended."""


class Durations(Model):
    """Durations of the last 100 executions, in seconds."""

    average: float = 0
    """Mean."""
    p50: float = 0
    """Median."""
    p95: float = 0
    """95th percentile (nearest rank)."""


class WorkflowMetrics(Model):
    """Figures of a workflow; each execution is counted exactly once."""

    total: int = 0
    """Executions that ended."""
    executions: Annotated[dict[str, int], Field(max_length=16)] = {}
    """Executions that ended, by phase."""
    forbidden: int = 0
    """Executions that a limit of concurrency forbade; they are Cancelled."""
    success_rate: float = 0
    """Succeeded / ended, between 0 and 1; forbidden ones do not count."""
    duration_seconds: Durations = Durations()
    """Durations of the last 100 executions."""
    recent: Annotated[list[float], Field(max_length=100)] = []
    """Durations of the last 100 executions in seconds, oldest first."""
    counted: Annotated[list[CountedMark], Field(max_length=500)] = []
    """The newest executions counted, as finishedAt/uid."""
    counted_before: CountedMark | None = None
    """Executions at or below this finishedAt/uid count as counted."""
    last_execution: LastExecution | None = None
    """The newest execution that ended."""


class WorkflowStatus(Model):
    """What the operator says of a workflow."""

    observed_generation: int | None = None
    """The generation that the conditions speak of."""
    conditions: Annotated[list[Condition], Field(max_length=16)] = []
    """Ready, Reconciling, Stalled."""
    metrics: WorkflowMetrics | None = None
    """Figures of its executions."""
