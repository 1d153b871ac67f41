"""Decisions of a pass, as values that the controller carries out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.engine.people.trust import TRUSTED, Trust
from orchestrator.engine.status.records import Cancelling, Record, Settled
from orchestrator.models.execution import DesiredState, ExecutionPhase
from orchestrator.models.reasons import EventReason


@dataclass(frozen=True, slots=True)
class CreateJob:
    """Create the Job of this attempt; safe to repeat, since its name is deterministic."""

    node: str
    attempt: int
    parameters: Mapping[str, Any]
    iteration: int = 0


@dataclass(frozen=True, slots=True)
class CreateFanOut:
    """Create the ConfigMaps and the Indexed Job of a fan-out; as safe to repeat."""

    node: str
    attempt: int
    items: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class CreateChild:
    """Create a sub-execution; `index` is the item's in a fan-out."""

    node: str
    attempt: int
    variables: Mapping[str, Any]
    index: int | None = None


@dataclass(frozen=True, slots=True)
class ControlChild:
    """Pass the state requested of the parent on to a sub-execution, unless it has it already."""

    node: str
    attempt: int
    state: DesiredState
    index: int | None = None


@dataclass(frozen=True, slots=True)
class StopJob:
    """Stop this attempt's Job: gently (pod and log stay), or by force."""

    node: str
    attempt: int
    force: bool


Creation = CreateJob | CreateFanOut | CreateChild


@dataclass(frozen=True, slots=True)
class Announce:
    """Reports a transition as a Kubernetes Event."""

    reason: EventReason
    message: str


@dataclass(frozen=True, slots=True)
class Ending:
    """How the execution ends."""

    phase: ExecutionPhase
    reason: str
    message: str
    outputs: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Pass:
    """The outcome of one reconciliation of an execution.

    `before` may be done before the status is written, since it rests on evidence that cannot
    change; `after` only once `records` and `cancelling` are stored. A pass that is not `urgent`
    rests on evidence alone, which survives a crash: its write can be batched with others; one
    without a `transition` of a node only reports progress. `wake_at` is the time at which the state
    changes by the clock alone.
    """

    records: Mapping[str, Record]
    before: tuple[Creation | ControlChild, ...] = ()
    after: tuple[Creation | StopJob | ControlChild, ...] = ()
    announcements: tuple[Announce, ...] = ()
    phase: ExecutionPhase = ExecutionPhase.RUNNING
    cancelling: Cancelling | None = None
    settled: Settled | None = None
    trust: Trust = TRUSTED
    ending: Ending | None = None
    urgent: bool = False
    transition: bool = False
    wake_at: float | None = None
