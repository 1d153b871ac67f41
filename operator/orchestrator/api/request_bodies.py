"""The bodies of requests; a field that they do not have is refused."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from orchestrator.models.base import API_VERSION, DNS_LABEL_PATTERN, Identifier, Json, Model

Labels = Annotated[dict[str, Annotated[str, Field(max_length=63)]], Field(max_length=64)]
Annotations = Annotated[dict[str, str], Field(max_length=64)]
WorkflowName = Annotated[str, Field(pattern=DNS_LABEL_PATTERN, min_length=1, max_length=63)]
ObjectNamespace = Annotated[str, Field(pattern=DNS_LABEL_PATTERN, min_length=1, max_length=63)]
ApiVersion = Literal["automation.itechsmart.dev/v1alpha1"]
assert ApiVersion.__args__ == (API_VERSION,)  # type: ignore[attr-defined]


class ObjectMetadata(Model):
    """The metadata of an object that is created or replaced."""

    name: WorkflowName
    namespace: ObjectNamespace | None = None
    """`default` if absent."""
    labels: Labels | None = None
    annotations: Annotations | None = None
    resource_version: Json = None
    """Ignored, as is the rest: an object can be sent back as it was read."""
    uid: Json = None
    generation: Json = None
    creation_timestamp: Json = None
    owner_references: Json = None
    finalizers: Json = None


class ObjectManifest(Model):
    """An object."""

    api_version: ApiVersion | None = None
    metadata: ObjectMetadata
    spec: dict[str, Json]
    status: Json = None
    """Ignored: the operator writes it."""


class WorkflowManifest(ObjectManifest):
    """A Workflow."""

    kind: Literal["Workflow"] | None = None


class TriggerManifest(ObjectManifest):
    """A Trigger."""

    kind: Literal["Trigger"] | None = None


class NodeEdge(Model):
    """An edge between two nodes."""

    from_: Annotated[Identifier, Field(alias="from")]
    to: Identifier
    outcome: Literal["Succeeded", "Failed", "Always", "Then", "Else"] | None = None
    when: Annotated[str, Field(min_length=1, max_length=1024)] | None = None


class Layout(Model):
    """Positions of nodes."""

    layout: Annotated[
        dict[str, Annotated[list[float], Field(min_length=2, max_length=2)]],
        Field(max_length=2000),
    ]


class FiredEvent(Model):
    """The event with which a Trigger is fired or tested."""

    event: dict[str, Json] | None = None
    """The event's data; by default that of the next slot, or of the type's sample."""
    inputs: dict[str, Json] | None = None
    """The inputs of a Trigger of the type manual."""
    execution: Annotated[str, Field(min_length=1, max_length=253)] | None = None
    """An ended execution, for a Trigger that fires for executions."""


class TemplateUse(Model):
    """The Workflow that is created from a Template."""

    name: WorkflowName
    namespace: ObjectNamespace | None = None
    """`default` if absent; of a Template, its own."""
    parameters: dict[str, Json] = Field(default_factory=dict)
    dry_run: bool = False
    """Check everything, and create nothing."""


class ActionTest(Model):
    """Parameters of an action."""

    with_: Annotated[dict[str, Json], Field(alias="with")] = Field(default_factory=dict)


class MetadataPatch(Model):
    """Changes of an object's metadata; null removes a label or annotation."""

    labels: dict[str, str | None] | None = None
    annotations: dict[str, str | None] | None = None


class ObjectPatch(Model):
    """A JSON merge patch (RFC 7386) of an object."""

    metadata: MetadataPatch | None = None
    spec: dict[str, Json] | None = None


class Duplication(Model):
    """The name of a copy."""

    name: WorkflowName
    namespace: ObjectNamespace | None = None
    """That of the original if absent."""
    title: Annotated[str, Field(max_length=256)] | None = None


class Start(Model):
    """How a Workflow is run."""

    variables: dict[str, Json] = Field(default_factory=dict)
    name: WorkflowName | None = None
    """The name of the execution; generated if absent."""
    dry_run: bool = False
    """Check everything, and create nothing."""


class Rerun(Model):
    """What of an execution runs again."""

    nodes: Annotated[list[Identifier], Field(max_length=2000)] = Field(
        default_factory=list, alias="from"
    )
    """The nodes that run again, with all that follow; those that did not succeed if empty."""
    variables: dict[str, Json] = Field(default_factory=dict)
    """Variables to change: then the whole workflow runs again, and `from` is empty."""
    name: WorkflowName | None = None


class Signal(Model):
    """A signal for a node that waits for it, or will."""

    name: Identifier
    payload: dict[str, Json] | None = None
    id: Annotated[str, Field(min_length=1, max_length=63)] | None = None
    """A signal with the same id counts once; the Idempotency-Key, or a random id, if absent."""


class Decision(Model):
    """A decision on an approval."""

    decision: Literal["Approve", "Reject"]
    node: Identifier | None = None
    """The approval; the only one that is pending if absent."""
    comment: Annotated[str, Field(max_length=1024)] = ""
    inputs: dict[str, Json] = Field(default_factory=dict)


def manifest_of(body: ObjectManifest, namespace: str, kind: str = "Workflow") -> dict[str, Any]:
    """The manifest to create, in the namespace of the body or in this one."""
    metadata = body.metadata
    found: dict[str, Any] = {
        "name": metadata.name,
        "namespace": metadata.namespace or namespace,
    }
    if metadata.labels:
        found["labels"] = dict(metadata.labels)
    if metadata.annotations:
        found["annotations"] = dict(metadata.annotations)
    return {
        "apiVersion": API_VERSION,
        "kind": kind,
        "metadata": found,
        "spec": dict(body.spec),
    }
