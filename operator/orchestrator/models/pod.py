"""What may be said of pods: allow-lists, never deny-lists, inside the restricted profile."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from orchestrator.models.base import (
    DNS_LABEL_PATTERN,
    ENVIRONMENT_PATTERN,
    PATH_PATTERN,
    QUANTITY_PATTERN,
    Duration,
    Line,
    Model,
    ObjectName,
)

Label = Annotated[str, Field(max_length=317)]
Quantity = Annotated[str, Field(pattern=QUANTITY_PATTERN, max_length=32)]


class AccessMode(StrEnum):
    READ_WRITE_ONCE = "ReadWriteOnce"
    READ_WRITE_MANY = "ReadWriteMany"


class Workspace(Model):
    """A volume at $WORKSPACE of the execution's action pods, removed with its Jobs."""

    size: Quantity = "1Gi"
    """Capacity asked for."""
    storage_class_name: Annotated[str, Field(max_length=253)] = ""
    """Storage class; the cluster's default when empty."""
    access_mode: AccessMode = AccessMode.READ_WRITE_ONCE
    """ReadWriteOnce keeps the pods on one node."""


class Toleration(Model):
    """A toleration in the form of a pod's spec."""

    key: Label | None = None
    """Taint key."""
    operator: Annotated[str, Field(pattern="^(Exists|Equal)$", max_length=8)] | None = None
    """Exists or Equal."""
    value: Label | None = None
    """Taint value."""
    effect: (
        Annotated[str, Field(pattern="^(NoSchedule|PreferNoSchedule|NoExecute)$", max_length=32)]
        | None
    ) = None
    """Taint effect."""
    toleration_seconds: int | None = None
    """How long a NoExecute taint is tolerated."""


class LocalObjectReference(Model):
    """A reference to an object of the same namespace."""

    name: ObjectName
    """Its name."""


class PodSettings(Model):
    """Settings for the pods of every action."""

    node_selector: Annotated[dict[str, Label], Field(max_length=32)] | None = None
    """Labels that the node must have."""
    tolerations: Annotated[list[Toleration], Field(max_length=32)] | None = None
    """Taints tolerated."""
    image_pull_secrets: Annotated[list[LocalObjectReference], Field(max_length=16)] | None = None
    """Secrets for pulling images."""
    priority_class_name: Annotated[str, Field(max_length=253)] | None = None
    """Priority class."""
    labels: Annotated[dict[str, Label], Field(max_length=32)] | None = None
    """Further labels; never ours nor Kubernetes' own."""
    annotations: (
        Annotated[dict[str, Annotated[str, Field(max_length=4096)]], Field(max_length=32)] | None
    ) = None
    """Further annotations."""


class ResourceRequirements(Model):
    """Requests and limits of a container."""

    requests: Annotated[dict[str, Quantity], Field(max_length=16)] | None = None
    """What is reserved."""
    limits: Annotated[dict[str, Quantity], Field(max_length=16)] | None = None
    """What may not be exceeded."""


class ConfigMapKeySelector(Model):
    """A key of a ConfigMap."""

    name: ObjectName
    """Name of the ConfigMap."""
    key: Annotated[str, Field(min_length=1, max_length=253)]
    """Key in its data."""
    optional: bool | None = None
    """Whether it may be absent."""


class SecretKeySelector(ConfigMapKeySelector):
    """A key of a Secret."""


class FieldSelector(Model):
    """A field of the pod, such as metadata.name."""

    field_path: Line
    """Path of the field."""


class EnvVarSource(Model):
    """Where an environment variable's value comes from: exactly one."""

    secret_key_ref: SecretKeySelector | None = None
    """A key of a Secret."""
    config_map_key_ref: ConfigMapKeySelector | None = None
    """A key of a ConfigMap."""
    field_ref: FieldSelector | None = None
    """A field of the pod."""


class EnvVar(Model):
    """An environment variable: a rendered literal, or a source."""

    name: Annotated[str, Field(pattern=ENVIRONMENT_PATTERN, max_length=253)]
    """Name of the variable."""
    value: Annotated[str, Field(max_length=8192)] | None = None
    """Its value; may hold expressions."""
    value_from: EnvVarSource | None = None
    """Where its value comes from."""


class EnvFromRef(Model):
    """A whole ConfigMap or Secret as environment: exactly one."""

    config_map_ref: LocalObjectReference | None = None
    """The ConfigMap."""
    secret_ref: LocalObjectReference | None = None
    """The Secret."""
    prefix: Annotated[str, Field(max_length=64)] | None = None
    """Put before each name."""


class EmptyDir(Model):
    """A folder that lives as long as the pod."""

    size_limit: Quantity | None = None
    """Most bytes."""
    medium: Annotated[str, Field(pattern="^(Memory)?$", max_length=8)] | None = None
    """Memory for a tmpfs."""


class ConfigMapVolume(Model):
    """A ConfigMap as files."""

    name: ObjectName
    """Name of the ConfigMap."""
    optional: bool | None = None
    """Whether it may be absent."""


class SecretVolume(Model):
    """A Secret as files."""

    secret_name: ObjectName
    """Name of the Secret."""
    optional: bool | None = None
    """Whether it may be absent."""


class ClaimVolume(Model):
    """An existing claim."""

    claim_name: ObjectName
    """Name of the PersistentVolumeClaim."""
    read_only: bool | None = None
    """Whether it is mounted read-only."""


class Volume(Model):
    """A volume of an allowed type (exactly one) with where it is mounted."""

    name: Annotated[str, Field(pattern=DNS_LABEL_PATTERN, max_length=63)]
    """Name of the volume."""
    mount_path: Annotated[str, Field(pattern=PATH_PATTERN, max_length=1024)]
    """Where the container sees it."""
    read_only: bool | None = None
    """Whether it is mounted read-only."""
    empty_dir: EmptyDir | None = None
    """A folder that lives as long as the pod."""
    config_map: ConfigMapVolume | None = None
    """A ConfigMap as files."""
    secret: SecretVolume | None = None
    """A Secret as files."""
    persistent_volume_claim: ClaimVolume | None = None
    """An existing claim."""


class SecurityContext(Model):
    """What a template may choose within the restricted Pod Security level."""

    run_as_user: Annotated[int, Field(ge=1)] | None = None
    """User id; never root."""
    run_as_group: Annotated[int, Field(ge=1)] | None = None
    """Group id."""
    fs_group: Annotated[int, Field(ge=1)] | None = None
    """Group of the volumes."""
    read_only_root_filesystem: bool | None = None
    """Whether the image's files are read-only; true when absent."""


class Script(Model):
    """A script of the template's own; parameters reach it as environment only."""

    interpreter: Annotated[str, Field(min_length=1, max_length=256)] = "sh"
    """Program that reads the script's file."""
    source: Annotated[str, Field(min_length=1, max_length=65536)]
    """The script's text, never rendered."""


class Action(Model):
    """A node's container."""

    image: Annotated[str, Field(max_length=1024)] | None = None
    """Image; the runner's when absent."""
    image_pull_policy: (
        Annotated[str, Field(pattern="^(Always|IfNotPresent|Never)$", max_length=16)] | None
    ) = None
    """When the image is pulled."""
    command: (
        Annotated[list[Annotated[str, Field(max_length=8192)]], Field(max_length=64)] | None
    ) = None
    """Entry point."""
    args: Annotated[list[Annotated[str, Field(max_length=8192)]], Field(max_length=256)] | None = (
        None
    )
    """Arguments; may hold expressions."""
    script: Script | None = None
    """Instead of command and args."""
    env: Annotated[list[EnvVar], Field(max_length=128)] | None = None
    """Environment variables."""
    env_from: Annotated[list[EnvFromRef], Field(max_length=16)] | None = None
    """Environment from whole ConfigMaps and Secrets."""
    working_dir: Annotated[str, Field(max_length=1024)] | None = None
    """Working folder."""
    resources: ResourceRequirements | None = None
    """Requests and limits."""
    volumes: Annotated[list[Volume], Field(max_length=16)] | None = None
    """Volumes and where they are mounted."""
    security_context: SecurityContext | None = None
    """Choices within the restricted level."""
    service_account_name: ObjectName | None = None
    """Service account; must carry the label automation.itechsmart.dev/allow-workflows: "true"."""
    termination_grace_period: Duration | None = None
    """Time between SIGTERM and SIGKILL; 30s when absent."""
