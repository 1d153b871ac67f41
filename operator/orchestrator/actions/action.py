"""An action: a model in, a model out, a function, and what of its failures is worth a retry."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Generic, Protocol, TypeVar

from pydantic import ConfigDict

from orchestrator.kube.resources import Resource
from orchestrator.models.base import Model

if TYPE_CHECKING:
    from orchestrator.kube.blocking import BlockingClient

FAILED = 1
"""Exit code: failed, and another attempt may succeed."""
USAGE = 64
"""Exit code: the parameters are wrong (sysexits.h, EX_USAGE); never retried."""
PERMANENT = 65
"""Exit code: the other side said no in a way that will not change; never retried."""
PERMANENT_EXIT_CODES = (USAGE, PERMANENT)
RUNNER_IMAGE = "$[[ runner.image ]]"
"""The image that the operator is configured to run actions with; it holds the shipped ones."""


class ActionError(Exception):
    """The action did not do what it was asked; the message is one sentence for a person."""

    def __init__(self, message: str, *, permanent: bool = False, exit_code: int = 0) -> None:
        super().__init__(message)
        self.exit_code = exit_code or (PERMANENT if permanent else FAILED)


class _Interface(Model):
    """Parameters or outputs: their docstrings are read for the Template only, not in each pod."""

    model_config = ConfigDict(use_attribute_docstrings=False)


class Parameters(_Interface):
    """What an action is asked. Field names, types, defaults and docstrings are its Template's."""


class Outputs(_Interface):
    """What an action answers. Fields without a default are outputs it always writes."""

    bulky: ClassVar[tuple[str, ...]] = ()
    """Fields to shorten, first ones first, when all together are too large; `truncated` says so."""
    keep_end: ClassVar[frozenset[str]] = frozenset()
    """Bulky texts of which the end matters more than the beginning."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Which node's attempt this is, as CONTEXT says in the Job's environment."""

    namespace: str = "default"
    workflow: str = ""
    execution: str = ""
    uid: str = ""
    node: str = ""
    iteration: int = 0
    index: int | None = None
    attempt: int = 1
    key: str = ""
    """The idempotency key: the same in every attempt of one piece of work."""

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Identity:
        """The identity that a Job's CONTEXT holds; run by hand, one of its own.

        Raises ActionError for a CONTEXT that is none.
        """
        text = environ.get("CONTEXT")
        if not text:
            uid = f"by-hand-{uuid.uuid4()}"
            return cls(uid=uid, key=uid)
        try:
            parts = json.loads(text)
            return cls(**{name: parts[name] for name in (each.name for each in fields(cls))})
        except (ValueError, TypeError, KeyError) as error:
            message = f"CONTEXT is not what a Job of ours has: {error!r}"
            raise ActionError(message, exit_code=USAGE) from None


class Clock(Protocol):
    """Time as an argument, so that waiting can be tested without waiting."""

    def now(self) -> datetime:
        """The time of day, in UTC."""

    def monotonic(self) -> float:
        """Seconds from some fixed point."""

    def sleep(self, seconds: float) -> None:
        """Let time pass."""


@dataclass(frozen=True)
class Context:
    """What surrounds one run of an action."""

    identity: Identity
    clock: Clock
    cluster: Callable[[], BlockingClient]
    """Connects to the Kubernetes API; called by the actions that need it."""
    environ: Mapping[str, str] = field(default_factory=dict)
    log: Callable[[str], None] = print
    """Writes a line of progress to the node's log."""
    mask: Callable[[str], str] = str
    """Replaces the values of secrets in a text, for what an action writes by itself."""


P = TypeVar("P", bound=Parameters)
O = TypeVar("O", bound=Outputs)  # noqa: E741 - parameters in, outputs out


def unclassified(_error: Exception) -> ActionError | None:
    """For actions whose function already raises ActionError for everything it foresees."""
    return None


@dataclass(frozen=True, slots=True)
class Right:
    """What an action does on the Kubernetes API, as a rule of a Role grants it."""

    resource: Resource
    verbs: tuple[str, ...]
    subresource: str = ""


@dataclass(frozen=True, slots=True)
class Resources:
    """What an action's container requests, and the memory that it must not exceed."""

    cpu: str = "20m"
    memory: str = "48Mi"
    memory_limit: str = "256Mi"


@dataclass(frozen=True)
class Action(Generic[P, O]):
    """A shipped action; its Template is made of this and of the two models."""

    name: str
    title: str
    category: str
    icon: str
    parameters: type[P]
    outputs: type[O]
    run: Callable[[P, Context], O]
    retries: str
    """What is worth a retry, what never is, and what a retry repeats: for the Template's reader."""
    example: str
    """A Workflow's spec that uses it, as YAML: shown with the Template and in the docs."""
    classify: Callable[[Exception], ActionError | None] = unclassified
    """Turns a library's error into an ActionError; None for one it does not know."""
    writes_files: bool = False
    """Whether it needs a writable /tmp."""
    rights: tuple[Right, ...] = ()
    """What it does on the Kubernetes API; with any, it runs under the runner's service account."""
    image: str = RUNNER_IMAGE
    """Image of its container."""
    resources: Resources = Resources()
    """Requests and limits of its container."""
