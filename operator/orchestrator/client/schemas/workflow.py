"""Workflows.

Generated from docs/openapi.json by `make generate`; do not edit.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict


class WorkflowMetadata(TypedDict):
    name: str
    namespace: NotRequired[str]
    uid: str
    resourceVersion: str
    labels: NotRequired[dict[str, str]]
    annotations: NotRequired[dict[str, str]]


class WorkflowSpecVariableSecretKeyRef(TypedDict):
    """Key of the Secret that contains the value of a secret variable."""

    name: str
    key: str


class WorkflowSpecVariable(TypedDict):
    name: str
    type: Literal["string", "integer", "number", "boolean", "list", "object", "secret"]
    description: NotRequired[str]
    required: NotRequired[bool]
    default: NotRequired[Any]
    enum: NotRequired[list[Any]]
    pattern: NotRequired[str]
    minimum: NotRequired[float]
    maximum: NotRequired[float]
    minLength: NotRequired[int]
    maxLength: NotRequired[int]
    secretKeyRef: NotRequired[WorkflowSpecVariableSecretKeyRef]


class WorkflowSpecDefaultsRetryBackoff(TypedDict):
    """Wait before each extra attempt."""

    initial: NotRequired[str]
    factor: NotRequired[float]
    max: NotRequired[str]


class WorkflowSpecDefaultsRetry(TypedDict):
    """Retry of nodes that set none."""

    limit: int
    reasons: NotRequired[list[Literal["Failed", "TimedOut", "Disrupted"]]]
    backoff: NotRequired[WorkflowSpecDefaultsRetryBackoff]


class WorkflowSpecDefaults(TypedDict):
    """Default settings of actions and sub-workflows."""

    retry: NotRequired[WorkflowSpecDefaultsRetry]
    timeout: NotRequired[str]
    startTimeout: NotRequired[str]


class WorkflowSpecNodeApproval(TypedDict):
    """Waits for decisions of approvers."""

    approvers: list[str]
    required: NotRequired[int]
    excludeRequester: NotRequired[bool]
    onTimeout: NotRequired[Literal["Fail", "Reject", "Approve"]]
    inputs: NotRequired[dict[str, Any]]


class WorkflowSpecNodeWorkflow(TypedDict):
    """Runs another workflow as a sub-execution."""

    name: str
    variables: NotRequired[dict[str, Any]]


class WorkflowSpecNodeWait(TypedDict):
    """Waits for a condition or a signal."""

    until: NotRequired[str]
    signal: NotRequired[str]


WorkflowSpecNodeForEach = TypedDict(
    "WorkflowSpecNodeForEach",
    {
        "values": str,
        "as": str,
        "parallelism": NotRequired[int],
        "maxFailed": NotRequired[int],
        "gather": NotRequired[list[str]],
        "timeout": NotRequired[str],
    },
)
"""Runs the action or workflow once for each item."""


class WorkflowSpecNodeRepeat(TypedDict):
    """Runs the action or workflow until a condition is true."""

    until: str
    limit: int
    delay: NotRequired[str]


WorkflowSpecNode = TypedDict(
    "WorkflowSpecNode",
    {
        "name": str,
        "title": NotRequired[str],
        "description": NotRequired[str],
        "action": NotRequired[str],
        "with": NotRequired[dict[str, Any]],
        "condition": NotRequired[str],
        "approval": NotRequired[WorkflowSpecNodeApproval],
        "delay": NotRequired[str],
        "workflow": NotRequired[WorkflowSpecNodeWorkflow],
        "transform": NotRequired[dict[str, str]],
        "wait": NotRequired[WorkflowSpecNodeWait],
        "fail": NotRequired[str],
        "when": NotRequired[str],
        "forEach": NotRequired[WorkflowSpecNodeForEach],
        "repeat": NotRequired[WorkflowSpecNodeRepeat],
        "join": NotRequired[Literal["All", "Any", "First"]],
        "retry": NotRequired[WorkflowSpecDefaultsRetry],
        "timeout": NotRequired[str],
        "startTimeout": NotRequired[str],
        "allowFailure": NotRequired[bool],
    },
)


WorkflowSpecEdge = TypedDict(
    "WorkflowSpecEdge",
    {
        "from": str,
        "to": str,
        "outcome": NotRequired[Literal["Succeeded", "Failed", "Always", "Then", "Else"]],
        "when": NotRequired[str],
    },
)


class WorkflowSpecOutput(TypedDict):
    name: str
    value: str


class WorkflowSpecConcurrency(TypedDict):
    """Limits the number of executions that run at once."""

    policy: NotRequired[Literal["Queue", "Forbid", "Replace"]]
    limit: NotRequired[int]
    key: NotRequired[str]
    group: NotRequired[str]


class WorkflowSpecHistory(TypedDict):
    """Retention of ended executions."""

    succeeded: NotRequired[int]
    failed: NotRequired[int]
    keepJobs: NotRequired[str]


class WorkflowSpecWorkspace(TypedDict):
    """Volume that the pods of an execution share."""

    size: NotRequired[str]
    storageClassName: NotRequired[str]
    accessMode: NotRequired[Literal["ReadWriteOnce", "ReadWriteMany"]]


class WorkflowSpecPodToleration(TypedDict):
    key: NotRequired[str]
    operator: NotRequired[str]
    value: NotRequired[str]
    effect: NotRequired[str]
    tolerationSeconds: NotRequired[int]


class WorkflowSpecPodImagePullSecret(TypedDict):
    name: str


class WorkflowSpecPod(TypedDict):
    """Settings of the pods of all actions."""

    nodeSelector: NotRequired[dict[str, str]]
    tolerations: NotRequired[list[WorkflowSpecPodToleration]]
    imagePullSecrets: NotRequired[list[WorkflowSpecPodImagePullSecret]]
    priorityClassName: NotRequired[str]
    labels: NotRequired[dict[str, str]]
    annotations: NotRequired[dict[str, str]]


WorkflowSpec = TypedDict(
    "WorkflowSpec",
    {
        "title": NotRequired[str],
        "description": NotRequired[str],
        "state": NotRequired[Literal["Draft", "Active", "Inactive", "Archived"]],
        "variables": NotRequired[list[WorkflowSpecVariable]],
        "defaults": NotRequired[WorkflowSpecDefaults],
        "nodes": list[WorkflowSpecNode],
        "edges": NotRequired[list[WorkflowSpecEdge]],
        "finally": NotRequired[list[str]],
        "finallyTimeout": NotRequired[str],
        "outputs": NotRequired[list[WorkflowSpecOutput]],
        "onFailure": NotRequired[Literal["Finish", "Stop", "Cancel"]],
        "timeout": NotRequired[str],
        "priority": NotRequired[int],
        "concurrency": NotRequired[WorkflowSpecConcurrency],
        "history": NotRequired[WorkflowSpecHistory],
        "workspace": NotRequired[WorkflowSpecWorkspace],
        "pod": NotRequired[WorkflowSpecPod],
        "layout": NotRequired[dict[str, list[float]]],
    },
)
"""Desired workflow."""


class WorkflowStatusCondition(TypedDict):
    type: str
    status: Literal["True", "False", "Unknown"]
    observedGeneration: NotRequired[int]
    lastTransitionTime: str
    reason: str
    message: NotRequired[str]


class WorkflowStatusMetricsDurationSeconds(TypedDict):
    """Durations of the last 100 executions."""

    average: NotRequired[float]
    p50: NotRequired[float]
    p95: NotRequired[float]


class WorkflowStatusMetricsLastExecution(TypedDict):
    """Execution that ended last."""

    name: str
    uid: str
    phase: str
    finishedAt: str


class WorkflowStatusMetrics(TypedDict):
    """Metrics of the workflow's executions."""

    total: NotRequired[int]
    executions: NotRequired[dict[str, int]]
    forbidden: NotRequired[int]
    successRate: NotRequired[float]
    durationSeconds: NotRequired[WorkflowStatusMetricsDurationSeconds]
    recent: NotRequired[list[float]]
    counted: NotRequired[list[str]]
    countedBefore: NotRequired[str]
    lastExecution: NotRequired[WorkflowStatusMetricsLastExecution]


class WorkflowStatus(TypedDict):
    """Observed state of a workflow."""

    observedGeneration: NotRequired[int]
    conditions: NotRequired[list[WorkflowStatusCondition]]
    metrics: NotRequired[WorkflowStatusMetrics]


class Workflow(TypedDict):
    """A graph of nodes and edges, with typed variables."""

    apiVersion: NotRequired[str]
    kind: NotRequired[str]
    metadata: WorkflowMetadata
    spec: WorkflowSpec
    status: NotRequired[WorkflowStatus]
