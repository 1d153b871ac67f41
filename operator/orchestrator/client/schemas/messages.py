"""Bodies and answers that are no objects.

Generated from docs/openapi.json by `make generate`; do not edit.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

WorkflowState = Literal["Draft", "Active", "Inactive", "Archived"]


class ObjectMetadata(TypedDict):
    """The metadata of an object that is created or replaced."""

    name: str
    namespace: NotRequired[str | None]
    labels: NotRequired[dict[str, str] | None]
    annotations: NotRequired[dict[str, str] | None]
    resourceVersion: NotRequired[Any]
    uid: NotRequired[Any]
    generation: NotRequired[Any]
    creationTimestamp: NotRequired[Any]
    ownerReferences: NotRequired[Any]
    finalizers: NotRequired[Any]


class WorkflowManifest(TypedDict):
    """A Workflow."""

    apiVersion: NotRequired[Literal["automation.itechsmart.dev/v1alpha1"] | None]
    metadata: ObjectMetadata
    spec: dict[str, Any]
    status: NotRequired[Any]
    kind: NotRequired[Literal["Workflow"] | None]


class MetadataPatch(TypedDict):
    """Changes of an object's metadata; null removes a label or annotation."""

    labels: NotRequired[dict[str, str | None] | None]
    annotations: NotRequired[dict[str, str | None] | None]


class ObjectPatch(TypedDict):
    """A JSON merge patch (RFC 7386) of an object."""

    metadata: NotRequired[MetadataPatch | None]
    spec: NotRequired[dict[str, Any] | None]


class ValidationError(TypedDict):
    path: str
    message: str


class Validation(TypedDict):
    valid: bool
    errors: list[ValidationError]
    warnings: list[ValidationError]
    unchecked: list[str]


class Metrics(TypedDict):
    workflow: str
    total: int
    historyUnavailable: NotRequired[str]


class UsedRevision(TypedDict):
    name: str
    firstUsed: str
    lastUsed: str
    executions: int
    fromHistory: NotRequired[bool]


class Revisions(TypedDict):
    items: list[UsedRevision]
    historyUnavailable: NotRequired[str]


class Revision(TypedDict):
    name: str
    created: str
    data: dict[str, Any]
    fromHistory: NotRequired[bool]


class Items(TypedDict):
    items: list[dict[str, Any]]


class GraphNode(TypedDict):
    name: str


class RemovedNode(TypedDict):
    node: str
    edges: list[dict[str, Any]]


GraphEdge = TypedDict(
    "GraphEdge",
    {
        "from": str,
        "to": str,
    },
)


class LayoutOfNodes(TypedDict):
    layout: dict[str, Any]


ExecutionPhase = Literal[
    "Queued", "Pending", "Running", "Paused", "Succeeded", "Failed", "TimedOut", "Cancelled"
]


class NodeRecords(TypedDict):
    items: dict[str, dict[str, Any]]


class NodeRecord(TypedDict):
    node: str
    phase: str


class Explanation(TypedDict):
    execution: str
    nodes: dict[str, str]


class Decided(TypedDict):
    node: str
    decision: str
    by: str


class TriggerManifest(TypedDict):
    """A Trigger."""

    apiVersion: NotRequired[Literal["automation.itechsmart.dev/v1alpha1"] | None]
    metadata: ObjectMetadata
    spec: dict[str, Any]
    status: NotRequired[Any]
    kind: NotRequired[Literal["Trigger"] | None]


class TriggerTest(TypedDict):
    fires: bool
    why: str
    execution: str
    variables: dict[str, Any]


class TriggerEvents(TypedDict):
    items: list[dict[str, Any]]
    counts: dict[str, Any]


class Types(TypedDict):
    items: list[dict[str, Any]]


class Figures(TypedDict):
    now: dict[str, Any]
    lastDay: dict[str, Any]
    workflows: int
    triggers: int
    historyUnavailable: NotRequired[str]


class Overview(TypedDict):
    period: str
    total: dict[str, Any]
    workflows: list[dict[str, Any]]
    slowestNodes: list[dict[str, Any]]
    historyUnavailable: NotRequired[str]


class Me(TypedDict):
    username: str
    uid: str
    groups: list[str]
    namespace: str
    rights: dict[str, list[str]]


class Status(TypedDict):
    status: str
    history: NotRequired[str]
