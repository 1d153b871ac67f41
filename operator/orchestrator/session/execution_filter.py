"""Which executions a list contains: by phase, Workflow and age."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from orchestrator.engine.times import from_rfc3339
from orchestrator.models.nearest import did_you_mean
from orchestrator.operations.executions import phase_of
from orchestrator.session.cluster import Raw
from orchestrator.session.errors import UsageError

PHASES = (
    "Queued",
    "Pending",
    "Running",
    "Paused",
    "Succeeded",
    "Failed",
    "TimedOut",
    "Cancelled",
)
"""The phases of models.execution, whose import takes longer than a command that lists."""
FAILED = ("Failed", "TimedOut")


@dataclass(frozen=True, slots=True)
class ExecutionFilter:
    """Selects executions, as far as possible on the API server."""

    workflow: str = ""
    """The name of their Workflow; empty for any."""
    phases: frozenset[str] = frozenset()
    """Their phases; empty for all."""
    oldest: float | None = None
    """When the oldest was created, in seconds since the epoch."""

    def selectors(self) -> list[str]:
        """The field selectors for the API server."""
        found = [f"spec.workflow={self.workflow}"] if self.workflow else []
        if len(self.phases) == 1:
            found.append(f"status.phase={next(iter(self.phases))}")
        return found

    def selects(self, execution: Raw) -> bool:
        """What the field selectors leave to check."""
        if self.phases and phase_of(execution) not in self.phases:
            return False
        created = execution["metadata"].get("creationTimestamp")
        return self.oldest is None or (bool(created) and from_rfc3339(created) >= self.oldest)


def read_phases(option: str, texts: Iterable[str]) -> frozenset[str]:
    """The phases in texts, each of which may contain several with commas.

    Raises UsageError that names the option for an unknown one.
    """
    return frozenset(_phase(option, word) for text in texts for word in text.split(",") if word)


def _phase(option: str, word: str) -> str:
    for phase in PHASES:
        if phase.lower() == word.lower():
            return phase
    hint = did_you_mean(word, PHASES) or f"; write one of {', '.join(PHASES)}"
    raise UsageError(f"{option} {word}: there is no such phase{hint}")
