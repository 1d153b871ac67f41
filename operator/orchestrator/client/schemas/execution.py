"""Executions.

Generated from docs/openapi.json by `make generate`; do not edit.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

from orchestrator.client.schemas.workflow import WorkflowStatusCondition


class WorkflowExecutionMetadata(TypedDict):
    name: str
    namespace: NotRequired[str]
    uid: str
    resourceVersion: NotRequired[str]
    labels: NotRequired[dict[str, str]]
    annotations: NotRequired[dict[str, str]]


class WorkflowExecutionSpecTrigger(TypedDict):
    """Trigger that started the execution."""

    type: str
    name: str
    uid: NotRequired[str]
    depth: NotRequired[int]
    requester: NotRequired[str]
    root: NotRequired[str]
    notBefore: NotRequired[str]
    overLimit: NotRequired[str]
    event: NotRequired[dict[str, Any]]


class WorkflowExecutionSpecParent(TypedDict):
    """Parent execution, a node of which runs this one."""

    name: str
    uid: str
    node: str
    depth: int


class WorkflowExecutionSpecDecision(TypedDict):
    node: str
    by: str
    decision: Literal["Approve", "Reject"]
    groups: NotRequired[list[str]]
    comment: NotRequired[str]
    inputs: NotRequired[dict[str, Any]]
    at: NotRequired[str]


class WorkflowExecutionSpecSignal(TypedDict):
    id: str
    name: str
    payload: NotRequired[dict[str, Any]]
    by: NotRequired[str]


WorkflowExecutionSpecRerunOf = TypedDict(
    "WorkflowExecutionSpecRerunOf",
    {
        "name": str,
        "from": list[str],
    },
)
"""Ended execution, a part of which runs again."""


class WorkflowExecutionSpec(TypedDict):
    """Desired run of a workflow; immutable except for desiredState, decisions and signals."""

    workflow: str
    variables: NotRequired[dict[str, Any]]
    requester: NotRequired[str]
    trigger: NotRequired[WorkflowExecutionSpecTrigger]
    parent: NotRequired[WorkflowExecutionSpecParent]
    desiredState: NotRequired[Literal["Running", "Paused", "Cancelled", "Terminated"]]
    decisions: NotRequired[list[WorkflowExecutionSpecDecision]]
    signals: NotRequired[list[WorkflowExecutionSpecSignal]]
    rerunOf: NotRequired[WorkflowExecutionSpecRerunOf]


class WorkflowExecutionStatusCancelRequested(TypedDict):
    """Cancellation that has begun."""

    at: str
    reason: str
    message: NotRequired[str]


class WorkflowExecutionStatusSettled(TypedDict):
    """Outcome of all nodes except `finally`."""

    at: str
    phase: Literal[
        "Queued", "Pending", "Running", "Paused", "Succeeded", "Failed", "TimedOut", "Cancelled"
    ]
    reason: str
    message: NotRequired[str]
    expiredAt: NotRequired[str]


class WorkflowExecutionStatusTrust(TypedDict):
    """Which decisions, signals and requester are trusted."""

    policies: NotRequired[str]
    requesterUnknown: NotRequired[bool]
    ignored: NotRequired[list[str]]


class WorkflowExecutionStatusCounts(TypedDict):
    """Number of nodes by phase."""

    total: NotRequired[int]
    running: NotRequired[int]
    succeeded: NotRequired[int]
    failed: NotRequired[int]
    skipped: NotRequired[int]
    cancelled: NotRequired[int]


class WorkflowExecutionStatusNode(TypedDict):
    phase: Literal[
        "Pending", "Running", "Waiting", "Succeeded", "Failed", "TimedOut", "Skipped", "Cancelled"
    ]
    reason: NotRequired[str]
    message: NotRequired[str]
    attempts: NotRequired[int]
    iteration: NotRequired[int]
    iterationAttempts: NotRequired[int]
    exitCode: NotRequired[int]
    job: NotRequired[str]
    startedAt: NotRequired[str]
    attemptStartedAt: NotRequired[str]
    finishedAt: NotRequired[str]
    retryAt: NotRequired[str]
    execution: NotRequired[str]
    completed: NotRequired[str]
    failed: NotRequired[str]
    items: NotRequired[int]
    outputs: NotRequired[dict[str, Any]]


class WorkflowExecutionStatus(TypedDict):
    """Observed state of a run."""

    observedGeneration: NotRequired[int]
    phase: NotRequired[
        Literal[
            "Queued", "Pending", "Running", "Paused", "Succeeded", "Failed", "TimedOut", "Cancelled"
        ]
    ]
    reason: NotRequired[str]
    message: NotRequired[str]
    conditions: NotRequired[list[WorkflowStatusCondition]]
    revision: NotRequired[str]
    startedAt: NotRequired[str]
    finishedAt: NotRequired[str]
    cancelRequested: NotRequired[WorkflowExecutionStatusCancelRequested]
    settled: NotRequired[WorkflowExecutionStatusSettled]
    trust: NotRequired[WorkflowExecutionStatusTrust]
    variables: NotRequired[dict[str, Any]]
    progress: NotRequired[str]
    active: NotRequired[str]
    counts: NotRequired[WorkflowExecutionStatusCounts]
    outputs: NotRequired[dict[str, Any]]
    nodes: NotRequired[dict[str, WorkflowExecutionStatusNode]]


class WorkflowExecution(TypedDict):
    """One run of a Workflow."""

    apiVersion: NotRequired[str]
    kind: NotRequired[str]
    metadata: WorkflowExecutionMetadata
    spec: WorkflowExecutionSpec
    status: NotRequired[WorkflowExecutionStatus]
    fromHistory: NotRequired[bool]
