"""An action: its parameters, outputs and function, and the classification of its errors."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Generic, Protocol, TypeVar

from orchestrator.kube.resources import Resource
from orchestrator.models.base import GROUP, Model

if TYPE_CHECKING:
    from orchestrator.kube.blocking import BlockingClient

FAILED = 1
"""Exit code of a failure that another attempt may not have."""
USAGE = 64
"""Exit code for invalid parameters (sysexits.h, EX_USAGE); never retried."""
PERMANENT = 65
"""Exit code of a permanent failure; never retried."""
PERMANENT_EXIT_CODES = (USAGE, PERMANENT)
RUNNER_IMAGE = "$[[ runner.image ]]"
"""The image in the operator's configuration that contains the shipped actions."""


class ActionError(Exception):
    """The action failed; the message is one sentence for users."""

    def __init__(self, message: str, *, permanent: bool = False, exit_code: int = 0) -> None:
        super().__init__(message)
        self.exit_code = exit_code or (PERMANENT if permanent else FAILED)


class Parameters(Model):
    """Parameters of an action; the Template is generated from the fields and their docstrings."""


class Outputs(Model):
    """Outputs of an action, which always writes the fields without a default."""

    bulky: ClassVar[tuple[str, ...]] = ()
    """Fields to shorten, in this order, if the outputs are too large; sets `truncated`."""
    keep_end: ClassVar[frozenset[str]] = frozenset()
    """Bulky strings whose end matters more than their beginning."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The identity of the attempt, from CONTEXT in the Job's environment."""

    namespace: str = "default"
    workflow: str = ""
    execution: str = ""
    uid: str = ""
    node: str = ""
    iteration: int = 0
    index: int | None = None
    attempt: int = 1
    key: str = ""
    """The idempotency key: the same in every attempt of the same work."""

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Identity:
        """The identity in a Job's CONTEXT; a generated one without CONTEXT, for a run by hand.

        Raises ActionError if CONTEXT is invalid.
        """
        text = environ.get("CONTEXT")
        if not text:
            uid = f"by-hand-{uuid.uuid4()}"
            return cls(uid=uid, key=uid)
        try:
            parts = json.loads(text)
            return cls(**{name: parts[name] for name in (each.name for each in fields(cls))})
        except (ValueError, TypeError, KeyError) as error:
            message = f"CONTEXT is invalid: {error!r}"
            raise ActionError(message, exit_code=USAGE) from None


class Clock(Protocol):
    """The clock, an argument so that tests do not wait."""

    def now(self) -> datetime:
        """The current time, in UTC."""

    def monotonic(self) -> float:
        """Seconds since an arbitrary fixed point."""

    def sleep(self, seconds: float) -> None:
        """Wait for this number of seconds."""


@dataclass(frozen=True)
class Context:
    """The environment of one run of an action."""

    identity: Identity
    clock: Clock
    cluster: Callable[[], BlockingClient]
    """Connects to the Kubernetes API; only some actions call it."""
    environ: Mapping[str, str] = field(default_factory=dict)
    log: Callable[[str], None] = print
    """Writes a line to the node's log."""
    mask: Callable[[str], str] = str
    """Masks the values of secrets in a string, for output that an action writes directly."""


P = TypeVar("P", bound=Parameters)
O = TypeVar("O", bound=Outputs)  # noqa: E741 - parameters in, outputs out


def unclassified(_error: Exception) -> ActionError | None:
    """The classification for actions that raise ActionError for all expected failures."""
    return None


class Family(StrEnum):
    """Actions that a namespace usually grants together."""

    INCIDENTS = "incidents"
    ROLLOUTS = "rollouts"
    DIAGNOSTICS = "diagnostics"
    APPLICATIONS = "applications"
    MANIFESTS = "manifests"
    JOBS = "jobs"
    COMMANDS = "commands"
    NODES = "nodes"

    @property
    def routine(self) -> bool:
        """Whether the role of all shipped actions includes it.

        The others create pods, delete objects, run commands in containers, act on nodes or change
        what Argo CD deploys: a namespace grants each of them by its own name.
        """
        return self in (Family.INCIDENTS, Family.ROLLOUTS, Family.DIAGNOSTICS)


def shown_resource(group: str, path: str) -> str:
    """A resource for readers: pods, pods/log, pods.metrics.k8s.io."""
    if "." not in group or group == GROUP:
        return path
    plural, slash, subresource = path.partition("/")
    return f"{plural}.{group}{slash}{subresource}"


@dataclass(frozen=True, slots=True)
class Right:
    """Permissions on a resource of the Kubernetes API that an action needs."""

    resource: Resource
    reasons: Mapping[str, str]
    """The purpose of each verb, as an infinitive without "to"."""
    subresource: str = ""
    every_namespace: bool = False
    """Whether it needs the objects of all namespaces; a RoleBinding cannot grant that."""

    @property
    def verbs(self) -> tuple[str, ...]:
        """The verbs that a rule of a Role grants."""
        return tuple(self.reasons)

    @property
    def path(self) -> str:
        """The resource as in a rule of a Role."""
        parts = (self.resource.plural, self.subresource)
        return "/".join(part for part in parts if part)

    @property
    def shown(self) -> str:
        """The resource for readers, with its group unless that is Kubernetes' own or ours."""
        return shown_resource(self.resource.group, self.path)


@dataclass(frozen=True, slots=True)
class Resources:
    """Requests and the memory limit of an action's container."""

    cpu: str = "20m"
    memory: str = "48Mi"
    memory_limit: str = "256Mi"


@dataclass(frozen=True)
class Action(Generic[P, O]):
    """A shipped action; its Template is generated from this value and its two models."""

    name: str
    title: str
    category: str
    icon: str
    parameters: type[P]
    outputs: type[O]
    run: Callable[[P, Context], O]
    retries: str
    """Which failures are retried and what a retry repeats, for the Template's description."""
    example: str
    """YAML of a Workflow's spec that uses the action, for the Template and the docs."""
    classify: Callable[[Exception], ActionError | None] = unclassified
    """Converts a library's error to an ActionError; None for an unknown error."""
    writes_files: bool = False
    """Whether it needs a writable /tmp."""
    rights: tuple[Right, ...] = ()
    """Its permissions on the Kubernetes API; with any, it runs as the runner's service account."""
    family: Family | None = None
    """The role that grants its rights together with those of its like; none without rights."""
    image: str = RUNNER_IMAGE
    """Image of its container."""
    resources: Resources = Resources()
    """Requests and limits of its container."""
    script: str = ""
    """A shell script that runs instead of `orchestrator action NAME`, and may run it."""
