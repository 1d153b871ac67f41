"""Observations of attempts in the engine's terms; `jobs` derives them from Jobs and Pods."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class AttemptState(StrEnum):
    """The state of an attempt's Job; the last three are final."""

    PENDING = "Pending"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    TIMED_OUT = "TimedOut"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt of a node. Times are seconds since the epoch."""

    state: AttemptState
    reason: str = ""
    message: str = ""
    exit_code: int | None = None
    started_at: float | None = None
    finished_at: float | None = None
    outputs: Mapping[str, Any] = field(default_factory=dict)
    permanent: bool = False
    """Whether no retry could change the result."""
    made_at: float | None = None
    """When its Job or sub-execution was created, while it has not ended."""
    job: str = ""
    execution: str = ""
    """Name of the attempt's sub-execution."""
    items: int | None = None
    """The number of items of a fan-out's Job, if known."""
    completed: str = ""
    """Items of a fan-out that succeeded, as ranges such as `0-3,7`."""
    failed: str = ""
    children: Mapping[int, Attempt] = field(default_factory=dict)
    """Sub-executions of a fan-out that are not recorded as ended, by item."""


Observed = Mapping[tuple[str, int], Attempt]
"""Attempts by node and attempt number; missing ones were not observed."""
