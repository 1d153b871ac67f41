"""A kept log, without its lines."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from orchestrator.history.logs.extent import Omitted
from orchestrator.history.logs.lines import Position


class Outcome(StrEnum):
    """How the keeping of a log ended; empty if it has not."""

    OPEN = ""
    COMPLETE = "Complete"
    CUT = "Cut"
    """The end is missing: `reason` says why."""


@dataclass(frozen=True, slots=True)
class LogIdentity:
    """The attempt, or the item of one, whose log it is."""

    pod_uid: str
    execution_uid: str
    namespace: str
    pod: str
    node: str
    attempt: int
    item: int | None
    created_at: int
    """Of the pod, in milliseconds since the epoch."""


@dataclass(slots=True)
class LogState:
    """What is stored of a log besides its chunks."""

    outcome: Outcome = Outcome.OPEN
    reason: str = ""
    failed: bool = False
    """Whether the attempt failed."""
    ended_at: int | None = None
    """When it was complete or given up, in milliseconds since the epoch."""
    position: Position = field(default_factory=Position)
    omitted: Omitted = field(default_factory=Omitted)
    version: int = 0
    """Of what is stored; 0 if nothing is."""


@dataclass(frozen=True, slots=True)
class KeptLog:
    """A log of the database."""

    identity: LogIdentity
    state: LogState
