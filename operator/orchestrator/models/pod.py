"""The settings of pods and containers that users may choose: an allow-list within the restricted
Pod Security level."""

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
    """The access mode of a workspace."""

    READ_WRITE_ONCE = "ReadWriteOnce"
    READ_WRITE_MANY = "ReadWriteMany"


class Workspace(Model):
    """A volume that all action pods of an execution mount at $WORKSPACE, removed with its Jobs."""

    size: Quantity = "1Gi"
    """Requested capacity."""
    storage_class_name: Annotated[str, Field(max_length=253)] = ""
    """Storage class; empty for the default of the cluster."""
    access_mode: AccessMode = AccessMode.READ_WRITE_ONCE
    """ReadWriteOnce runs all pods of the execution on one cluster node."""


class Toleration(Model):
    """A toleration, as in the spec of a pod."""

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
    """A reference to an object in the same namespace."""

    name: ObjectName
    """Name of the object."""


class PodSettings(Model):
    """Settings of the pods of all actions."""

    node_selector: Annotated[dict[str, Label], Field(max_length=32)] | None = None
    """Labels that the cluster node must have."""
    tolerations: Annotated[list[Toleration], Field(max_length=32)] | None = None
    """Tolerated taints."""
    image_pull_secrets: Annotated[list[LocalObjectReference], Field(max_length=16)] | None = None
    """Secrets for pulling images."""
    priority_class_name: Annotated[str, Field(max_length=253)] | None = None
    """Priority class."""
    labels: Annotated[dict[str, Label], Field(max_length=32)] | None = None
    """Additional labels; keys of automation.itechsmart.dev and kubernetes.io are reserved."""
    annotations: (
        Annotated[dict[str, Annotated[str, Field(max_length=4096)]], Field(max_length=32)] | None
    ) = None
    """Additional annotations; keys of automation.itechsmart.dev are reserved."""


class ResourceRequirements(Model):
    """Requests and limits of a container."""

    requests: Annotated[dict[str, Quantity], Field(max_length=16)] | None = None
    """Reserved resources."""
    limits: Annotated[dict[str, Quantity], Field(max_length=16)] | None = None
    """Maximum resources."""


class ConfigMapKeySelector(Model):
    """A key of a ConfigMap."""

    name: ObjectName
    """Name of the ConfigMap."""
    key: Annotated[str, Field(min_length=1, max_length=253)]
    """Key in the data."""
    optional: bool | None = None
    """Whether the object or the key may be absent."""


class SecretKeySelector(ConfigMapKeySelector):
    """A key of a Secret."""


class FieldSelector(Model):
    """A field of the pod, such as metadata.name."""

    field_path: Line
    """Path of the field."""


class EnvVarSource(Model):
    """The source of an environment variable's value: exactly one."""

    secret_key_ref: SecretKeySelector | None = None
    """A key of a Secret."""
    config_map_key_ref: ConfigMapKeySelector | None = None
    """A key of a ConfigMap."""
    field_ref: FieldSelector | None = None
    """A field of the pod."""


class EnvVar(Model):
    """An environment variable with a value or a source."""

    name: Annotated[str, Field(pattern=ENVIRONMENT_PATTERN, max_length=253)]
    """Name of the variable."""
    value: Annotated[str, Field(max_length=8192)] | None = None
    """Value; may contain expressions."""
    value_from: EnvVarSource | None = None
    """Source of the value."""


class EnvFromRef(Model):
    """All keys of a ConfigMap or a Secret as environment variables: exactly one."""

    config_map_ref: LocalObjectReference | None = None
    """ConfigMap to use."""
    secret_ref: LocalObjectReference | None = None
    """Secret to use."""
    prefix: Annotated[str, Field(max_length=64)] | None = None
    """Prefix of each variable's name."""


class EmptyDir(Model):
    """An empty directory that exists as long as the pod."""

    size_limit: Quantity | None = None
    """Maximum size."""
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
    """An existing PersistentVolumeClaim."""

    claim_name: ObjectName
    """Name of the PersistentVolumeClaim."""
    read_only: bool | None = None
    """Whether it is mounted read-only."""


class Volume(Model):
    """A volume of exactly one of the allowed types, and its mount path."""

    name: Annotated[str, Field(pattern=DNS_LABEL_PATTERN, max_length=63)]
    """Name of the volume."""
    mount_path: Annotated[str, Field(pattern=PATH_PATTERN, max_length=1024)]
    """Path in the container."""
    read_only: bool | None = None
    """Whether it is mounted read-only."""
    empty_dir: EmptyDir | None = None
    """An empty directory that exists as long as the pod."""
    config_map: ConfigMapVolume | None = None
    """A ConfigMap as files."""
    secret: SecretVolume | None = None
    """A Secret as files."""
    persistent_volume_claim: ClaimVolume | None = None
    """An existing PersistentVolumeClaim."""


class SecurityContext(Model):
    """Security settings that are allowed within the restricted Pod Security level."""

    run_as_user: Annotated[int, Field(ge=1)] | None = None
    """User id; root is not allowed."""
    run_as_group: Annotated[int, Field(ge=1)] | None = None
    """Group id."""
    fs_group: Annotated[int, Field(ge=1)] | None = None
    """Group id that owns the volumes."""
    read_only_root_filesystem: bool | None = None
    """Whether the container's root file system is read-only; default true."""


class Script(Model):
    """An inline script, which gets its parameters as environment variables only."""

    interpreter: Annotated[str, Field(min_length=1, max_length=256)] = "sh"
    """Program that runs the script file."""
    source: Annotated[str, Field(min_length=1, max_length=65536)]
    """Text of the script; expressions are not evaluated."""


class Action(Model):
    """The container that runs a node."""

    image: Annotated[str, Field(max_length=1024)] | None = None
    """Image; default the runner's image."""
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
    """Arguments; may contain expressions."""
    script: Script | None = None
    """Script to run instead of command and args."""
    env: Annotated[list[EnvVar], Field(max_length=128)] | None = None
    """Environment variables."""
    env_from: Annotated[list[EnvFromRef], Field(max_length=16)] | None = None
    """ConfigMaps and Secrets whose keys become environment variables."""
    working_dir: Annotated[str, Field(max_length=1024)] | None = None
    """Working directory."""
    resources: ResourceRequirements | None = None
    """Requests and limits."""
    volumes: Annotated[list[Volume], Field(max_length=16)] | None = None
    """Volumes and their mount paths."""
    security_context: SecurityContext | None = None
    """Security settings within the restricted Pod Security level."""
    service_account_name: ObjectName | None = None
    """Service account; must have the label automation.itechsmart.dev/allow-workflows: "true"."""
    termination_grace_period: Duration | None = None
    """Time between SIGTERM and SIGKILL; default 30s."""
