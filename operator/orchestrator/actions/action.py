"""An action: a model in, a model out, a function, and what of its failures is worth a retry."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Generic, Protocol, TypeVar

from orchestrator.models.base import Model

if TYPE_CHECKING:
    from orchestrator.actions.cluster import Cluster

FAILED = 1
"""Exit code: failed, and another attempt may succeed."""
USAGE = 64
"""Exit code: the parameters are wrong (sysexits.h, EX_USAGE); never retried."""
PERMANENT = 65
"""Exit code: the other side said no in a way that will not change; never retried."""
PERMANENT_EXIT_CODES = (USAGE, PERMANENT)


class ActionError(Exception):
    """The action did not do what it was asked; the message is one sentence for a person."""

    def __init__(self, message: str, *, permanent: bool = False, exit_code: int = 0) -> None:
        super().__init__(message)
        self.exit_code = exit_code or (PERMANENT if permanent else FAILED)


class Parameters(Model):
    """What an action is asked. Field names, types, defaults and docstrings are its Template's."""


class Outputs(Model):
    """What an action answers. Fields without a default are outputs it always writes."""

    bulky: ClassVar[tuple[str, ...]] = ()
    """Fields to shorten, first ones first, when all together are too large; `truncated` says so."""
    keep_end: ClassVar[frozenset[str]] = frozenset()
    """Bulky texts of which the end matters more than the beginning."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Which node's attempt this is, as the Job says in the environment."""

    namespace: str = "default"
    workflow: str = ""
    execution: str = ""
    uid: str = ""
    node: str = ""
    iteration: str = "0"
    index: str = ""
    attempt: str = "1"

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Identity:
        """The identity in a Job's environment; run by hand, one of its own."""
        return cls(
            namespace=environ.get("EXECUTION_NAMESPACE") or "default",
            workflow=environ.get("WORKFLOW_NAME", ""),
            execution=environ.get("EXECUTION_NAME", ""),
            uid=environ.get("EXECUTION_UID") or f"by-hand-{uuid.uuid4()}",
            node=environ.get("NODE_NAME", ""),
            iteration=environ.get("NODE_ITERATION") or "0",
            index=environ.get("JOB_COMPLETION_INDEX", ""),
            attempt=environ.get("ATTEMPT") or "1",
        )

    @property
    def key(self) -> str:
        """The idempotency key: 128 bits in hex, the same in every attempt of one piece of work."""
        work = "\0".join((self.uid, self.node, self.iteration, self.index))
        return hashlib.sha256(work.encode()).hexdigest()[:32]


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
    cluster: Callable[[], Cluster]
    """Connects to the Kubernetes API; called by the actions that need it."""
    environ: Mapping[str, str] = field(default_factory=dict)
    log: Callable[[str], None] = print
    """Writes a line of progress to the node's log."""


P = TypeVar("P", bound=Parameters)
O = TypeVar("O", bound=Outputs)  # noqa: E741 - parameters in, outputs out


def unclassified(_error: Exception) -> ActionError | None:
    """For actions whose function already raises ActionError for everything it foresees."""
    return None


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
    classify: Callable[[Exception], ActionError | None] = unclassified
    """Turns a library's error into a ActionError; None for one it does not know."""
    uses_cluster: bool = False
    """Whether it talks to the Kubernetes API and so needs the runner's service account."""
