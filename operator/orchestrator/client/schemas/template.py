"""Templates and actions.

Generated from docs/openapi.json by `make generate`; do not edit.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

from orchestrator.client.schemas.workflow import (
    WorkflowMetadata,
    WorkflowSpec,
    WorkflowSpecPodImagePullSecret,
    WorkflowStatusCondition,
)


class TemplateSpecParameter(TypedDict):
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


class TemplateSpecOutput(TypedDict):
    name: str
    type: Literal["string", "integer", "number", "boolean", "list", "object", "secret"]
    description: NotRequired[str]
    required: NotRequired[bool]


class TemplateSpecRight(TypedDict):
    apiGroups: list[str]
    resources: list[str]
    resourceNames: NotRequired[list[str]]
    verbs: list[str]
    scope: NotRequired[Literal["Namespaced", "Cluster"]]


class TemplateSpecActionScript(TypedDict):
    """Script to run instead of command and args."""

    interpreter: NotRequired[str]
    source: str


class TemplateSpecActionEnvItemValueFromSecretKeyRef(TypedDict):
    """A key of a Secret."""

    name: str
    key: str
    optional: NotRequired[bool]


class TemplateSpecActionEnvItemValueFromFieldRef(TypedDict):
    """A field of the pod."""

    fieldPath: str


class TemplateSpecActionEnvItemValueFrom(TypedDict):
    """Source of the value."""

    secretKeyRef: NotRequired[TemplateSpecActionEnvItemValueFromSecretKeyRef]
    configMapKeyRef: NotRequired[TemplateSpecActionEnvItemValueFromSecretKeyRef]
    fieldRef: NotRequired[TemplateSpecActionEnvItemValueFromFieldRef]


class TemplateSpecActionEnvItem(TypedDict):
    name: str
    value: NotRequired[str]
    valueFrom: NotRequired[TemplateSpecActionEnvItemValueFrom]


class TemplateSpecActionEnvFromItem(TypedDict):
    configMapRef: NotRequired[WorkflowSpecPodImagePullSecret]
    secretRef: NotRequired[WorkflowSpecPodImagePullSecret]
    prefix: NotRequired[str]


class TemplateSpecActionResources(TypedDict):
    """Requests and limits."""

    requests: NotRequired[dict[str, str]]
    limits: NotRequired[dict[str, str]]


class TemplateSpecActionVolumeEmptyDir(TypedDict):
    """An empty directory that exists as long as the pod."""

    sizeLimit: NotRequired[str]
    medium: NotRequired[str]


class TemplateSpecActionVolumeConfigMap(TypedDict):
    """A ConfigMap as files."""

    name: str
    optional: NotRequired[bool]


class TemplateSpecActionVolumeSecret(TypedDict):
    """A Secret as files."""

    secretName: str
    optional: NotRequired[bool]


class TemplateSpecActionVolumePersistentVolumeClaim(TypedDict):
    """An existing PersistentVolumeClaim."""

    claimName: str
    readOnly: NotRequired[bool]


class TemplateSpecActionVolume(TypedDict):
    name: str
    mountPath: str
    readOnly: NotRequired[bool]
    emptyDir: NotRequired[TemplateSpecActionVolumeEmptyDir]
    configMap: NotRequired[TemplateSpecActionVolumeConfigMap]
    secret: NotRequired[TemplateSpecActionVolumeSecret]
    persistentVolumeClaim: NotRequired[TemplateSpecActionVolumePersistentVolumeClaim]


class TemplateSpecActionSecurityContext(TypedDict):
    """Security settings within the restricted Pod Security level."""

    runAsUser: NotRequired[int]
    runAsGroup: NotRequired[int]
    fsGroup: NotRequired[int]
    readOnlyRootFilesystem: NotRequired[bool]


class TemplateSpecAction(TypedDict):
    """Container of the action."""

    image: NotRequired[str]
    imagePullPolicy: NotRequired[str]
    command: NotRequired[list[str]]
    args: NotRequired[list[str]]
    script: NotRequired[TemplateSpecActionScript]
    env: NotRequired[list[TemplateSpecActionEnvItem]]
    envFrom: NotRequired[list[TemplateSpecActionEnvFromItem]]
    workingDir: NotRequired[str]
    resources: NotRequired[TemplateSpecActionResources]
    volumes: NotRequired[list[TemplateSpecActionVolume]]
    securityContext: NotRequired[TemplateSpecActionSecurityContext]
    serviceAccountName: NotRequired[str]
    terminationGracePeriod: NotRequired[str]


class TemplateSpec(TypedDict):
    """Desired template: exactly one of an action and a whole workflow."""

    title: NotRequired[str]
    description: NotRequired[str]
    category: NotRequired[str]
    icon: NotRequired[str]
    parameters: NotRequired[list[TemplateSpecParameter]]
    outputs: NotRequired[list[TemplateSpecOutput]]
    permanentExitCodes: NotRequired[list[int]]
    rights: NotRequired[list[TemplateSpecRight]]
    action: NotRequired[TemplateSpecAction]
    workflow: NotRequired[WorkflowSpec]


class TemplateStatus(TypedDict):
    """Observed state of a template."""

    observedGeneration: NotRequired[int]
    conditions: NotRequired[list[WorkflowStatusCondition]]


class Template(TypedDict):
    """An action of this namespace, or a whole workflow to start from."""

    apiVersion: NotRequired[str]
    kind: NotRequired[str]
    metadata: WorkflowMetadata
    spec: TemplateSpec
    status: NotRequired[TemplateStatus]
