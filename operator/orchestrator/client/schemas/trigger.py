"""Triggers.

Generated from docs/openapi.json by `make generate`; do not edit.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

from orchestrator.client.schemas.workflow import WorkflowMetadata, WorkflowStatusCondition


class TriggerSpecDedupe(TypedDict):
    """Overrides the identity of an event, by which duplicates are recognised."""

    key: str
    window: str


class TriggerSpecRateLimit(TypedDict):
    """Maximum number of executions that start in a period. Default: 60 per minute; unlimited
    for schedules and manual starts.
    """

    limit: int
    period: str
    policy: NotRequired[Literal["Queue", "Newest", "Drop"]]


class TriggerSpecSchedule(TypedDict):
    """Starts at the slots of a cron expression."""

    cron: str
    timeZone: NotRequired[str]
    jitter: NotRequired[str]
    catchUp: NotRequired[int]
    startDeadline: NotRequired[str]


class TriggerSpecWebhookGithubSecret(TypedDict):
    name: str
    key: str


class TriggerSpecWebhookGithub(TypedDict):
    """Signed as GitHub signs webhooks; a delivery is known by X-GitHub-Delivery."""

    secrets: list[TriggerSpecWebhookGithubSecret]


class TriggerSpecWebhookHmac(TypedDict):
    """Signed by an HMAC of the body in a header; a delivery is known by `idHeader`."""

    secrets: list[TriggerSpecWebhookGithubSecret]
    header: str
    algorithm: NotRequired[Literal["sha256", "sha512"]]
    encoding: NotRequired[Literal["hex", "base64"]]
    prefix: NotRequired[str]
    timestampHeader: NotRequired[str]
    separator: NotRequired[str]
    window: NotRequired[str]
    idHeader: NotRequired[str]


class TriggerSpecWebhookBearer(TypedDict):
    """Sent with a bearer token; a delivery is known by `idHeader`."""

    secrets: list[TriggerSpecWebhookGithubSecret]
    idHeader: NotRequired[str]


class TriggerSpecWebhookBasic(TypedDict):
    """Sent with a user name and a password."""

    secrets: list[TriggerSpecWebhookGithubSecret]
    username: str


class TriggerSpecWebhookMutualTLS(TypedDict):
    """Sent with a client certificate of one of these subjects."""

    subjects: list[str]


class TriggerSpecWebhook(TypedDict):
    """Starts when a verified request arrives, such as a webhook of GitHub or Slack."""

    github: NotRequired[TriggerSpecWebhookGithub]
    gitlab: NotRequired[TriggerSpecWebhookGithub]
    slack: NotRequired[TriggerSpecWebhookGithub]
    pagerDuty: NotRequired[TriggerSpecWebhookGithub]
    stripe: NotRequired[TriggerSpecWebhookGithub]
    standardWebhooks: NotRequired[TriggerSpecWebhookGithub]
    hmac: NotRequired[TriggerSpecWebhookHmac]
    bearer: NotRequired[TriggerSpecWebhookBearer]
    basic: NotRequired[TriggerSpecWebhookBasic]
    mutualTLS: NotRequired[TriggerSpecWebhookMutualTLS]


class TriggerSpecEvent(TypedDict):
    """Starts when a CloudEvent arrives over HTTP."""

    types: NotRequired[list[str]]
    allowedOrigins: NotRequired[list[str]]
    standardWebhooks: NotRequired[TriggerSpecWebhookGithub]
    hmac: NotRequired[TriggerSpecWebhookHmac]
    bearer: NotRequired[TriggerSpecWebhookBearer]
    basic: NotRequired[TriggerSpecWebhookBasic]
    mutualTLS: NotRequired[TriggerSpecWebhookMutualTLS]


class TriggerSpecAlert(TypedDict):
    """Starts when Alertmanager or Grafana notifies of alerts."""

    statuses: NotRequired[list[Literal["firing", "resolved"]]]
    bearer: NotRequired[TriggerSpecWebhookBearer]
    basic: NotRequired[TriggerSpecWebhookBasic]
    mutualTLS: NotRequired[TriggerSpecWebhookMutualTLS]


class TriggerSpecApiEndpoint(TypedDict):
    """Starts when a caller with the right to fire it calls its endpoint."""

    schema: NotRequired[dict[str, Any]]
    requireIdempotencyKey: NotRequired[bool]


class TriggerSpecEmailCredentials(TypedDict):
    """The Secret with which the receiver logs in."""

    name: str
    usernameKey: NotRequired[str]
    passwordKey: NotRequired[str]


class TriggerSpecEmail(TypedDict):
    """Starts when a message arrives in a mailbox, which is read over IMAP."""

    host: str
    port: NotRequired[int]
    tls: NotRequired[Literal["Implicit", "StartTLS"]]
    ca: NotRequired[TriggerSpecWebhookGithubSecret]
    credentials: TriggerSpecEmailCredentials
    mailbox: NotRequired[str]
    pollInterval: NotRequired[str]
    markSeen: NotRequired[bool]
    moveTo: NotRequired[str]


class TriggerSpecFileWatchS3Credentials(TypedDict):
    """The Secret with the access key."""

    name: str
    accessKeyIdKey: NotRequired[str]
    secretAccessKeyKey: NotRequired[str]


class TriggerSpecFileWatchS3(TypedDict):
    """Objects of S3-compatible storage."""

    endpoint: NotRequired[str]
    region: NotRequired[str]
    bucket: str
    prefix: NotRequired[str]
    ca: NotRequired[TriggerSpecWebhookGithubSecret]
    credentials: TriggerSpecFileWatchS3Credentials


class TriggerSpecFileWatchVolume(TypedDict):
    """Files of a volume of the receiver."""

    name: str
    path: NotRequired[str]


class TriggerSpecFileWatch(TypedDict):
    """Starts when an object of S3-compatible storage or a file of a volume is new or changed."""

    s3: NotRequired[TriggerSpecFileWatchS3]
    volume: NotRequired[TriggerSpecFileWatchVolume]
    pattern: NotRequired[str]
    pollInterval: NotRequired[str]


class TriggerSpecExecution(TypedDict):
    """Starts when another execution has ended."""

    workflow: NotRequired[str]
    phases: NotRequired[list[Literal["Succeeded", "Failed", "TimedOut", "Cancelled"]]]


class TriggerSpecIncident(TypedDict):
    """Starts when an Incident was opened, acknowledged, escalated or resolved."""

    transitions: NotRequired[list[Literal["Opened", "Acknowledged", "Escalated", "Resolved"]]]
    severities: NotRequired[list[Literal["Critical", "High", "Medium", "Low"]]]


class TriggerSpecDeployment(TypedDict):
    """Starts when a rollout finished, failed or stalled."""

    kind: NotRequired[Literal["Deployment", "Application"]]
    name: NotRequired[str]
    labels: NotRequired[dict[str, str]]
    outcomes: NotRequired[list[Literal["Finished", "Failed", "Stalled"]]]


class TriggerSpecResource(TypedDict):
    """Starts when an object of the namespace was added, changed or deleted."""

    apiVersion: str
    kind: NotRequired[str]
    resource: NotRequired[str]
    name: NotRequired[str]
    labels: NotRequired[dict[str, str]]
    changes: list[Literal["Added", "Modified", "Deleted"]]


class TriggerSpecKubernetesEvent(TypedDict):
    """Starts when a Kubernetes Event was reported."""

    reasons: list[str]
    types: NotRequired[list[Literal["Normal", "Warning"]]]
    kinds: NotRequired[list[str]]
    names: NotRequired[list[str]]
    window: NotRequired[str]


class TriggerSpecManual(TypedDict):
    """Starts when a person runs the Trigger."""

    inputs: NotRequired[dict[str, Any]]


class TriggerSpec(TypedDict):
    """Which events start executions of a Workflow, and how many of them."""

    workflow: str
    variables: NotRequired[dict[str, Any]]
    filter: NotRequired[str]
    payload: NotRequired[str]
    dedupe: NotRequired[TriggerSpecDedupe]
    rateLimit: NotRequired[TriggerSpecRateLimit]
    cooldown: NotRequired[str]
    suspend: NotRequired[bool]
    schedule: NotRequired[TriggerSpecSchedule]
    webhook: NotRequired[TriggerSpecWebhook]
    event: NotRequired[TriggerSpecEvent]
    alert: NotRequired[TriggerSpecAlert]
    apiEndpoint: NotRequired[TriggerSpecApiEndpoint]
    email: NotRequired[TriggerSpecEmail]
    fileWatch: NotRequired[TriggerSpecFileWatch]
    execution: NotRequired[TriggerSpecExecution]
    incident: NotRequired[TriggerSpecIncident]
    deployment: NotRequired[TriggerSpecDeployment]
    resource: NotRequired[TriggerSpecResource]
    kubernetesEvent: NotRequired[TriggerSpecKubernetesEvent]
    manual: NotRequired[TriggerSpecManual]


class TriggerStatusLastError(TypedDict):
    """The last event that failed, or the last request that was refused."""

    at: str
    message: str


class TriggerStatusCounts(TypedDict):
    """Number of events by outcome."""

    received: NotRequired[int]
    filtered: NotRequired[int]
    deduplicated: NotRequired[int]
    limited: NotRequired[int]
    started: NotRequired[int]
    failed: NotRequired[int]


class TriggerStatus(TypedDict):
    """Observed state of a Trigger, written by the operator and the receiver."""

    observedGeneration: NotRequired[int]
    conditions: NotRequired[list[WorkflowStatusCondition]]
    lastFired: NotRequired[str]
    lastEvent: NotRequired[str]
    lastError: NotRequired[TriggerStatusLastError]
    nextFire: NotRequired[str]
    mark: NotRequired[str]
    counts: NotRequired[TriggerStatusCounts]


class Trigger(TypedDict):
    """What starts executions of a Workflow."""

    apiVersion: NotRequired[str]
    kind: NotRequired[str]
    metadata: WorkflowMetadata
    spec: TriggerSpec
    status: NotRequired[TriggerStatus]
