"""`list`: executions by phase, Workflow and age."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.cli.connection import Raw, Target
from orchestrator.cli.durations import read_duration
from orchestrator.cli.errors import UsageError
from orchestrator.cli.kinds import name_in
from orchestrator.cli.listing import Query, list_kind, print_items, watch_items
from orchestrator.cli.printing import now, read_format
from orchestrator.engine.times import from_rfc3339
from orchestrator.kube.resources import EXECUTIONS, WORKFLOWS
from orchestrator.models.nearest import did_you_mean

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
"""The phases of models.execution, whose import takes longer than this command."""
FAILED = ("Failed", "TimedOut")


@dataclass(frozen=True)
class Wanted:
    """Which executions are listed."""

    workflow: str | None = None
    status: Sequence[str] = ()
    since: str | None = None
    limit: int | None = None
    failed: bool = False

    def phases(self) -> frozenset[str]:
        """The requested phases; empty for all. Raises UsageError for an unknown one."""
        words = [word for text in self.status for word in text.split(",") if word]
        chosen = {_phase(word) for word in words}
        return frozenset(chosen | set(FAILED if self.failed else ()))


def _phase(word: str) -> str:
    for phase in PHASES:
        if phase.lower() == word.lower():
            return phase
    hint = did_you_mean(word, PHASES) or f"; write one of {', '.join(PHASES)}"
    raise UsageError(f"--status {word}: there is no such phase{hint}")


def list_executions(
    target: Target,
    wanted: Wanted,
    every: bool,
    labels: str | None,
    fields: str | None,
    sort_by: str | None,
    output: str | None,
    *,
    watch: bool,
) -> int:
    """Print the matching executions, newest first."""
    chosen = read_format(output)
    phases = wanted.phases()
    oldest = None if wanted.since is None else now() - read_duration("--since", wanted.since)
    selectors = [fields] if fields else []
    if wanted.workflow:
        selectors.append(f"spec.workflow={name_in(WORKFLOWS, wanted.workflow)}")
    if len(phases) == 1:
        selectors.append(f"status.phase={next(iter(phases))}")

    def keep(item: Raw) -> bool:
        phase = (item.get("status") or {}).get("phase") or "Pending"
        created = item["metadata"].get("creationTimestamp")
        young = oldest is None or (created is not None and from_rfc3339(created) >= oldest)
        return young and (not phases or phase in phases)

    query = Query(
        every=every,
        labels=labels,
        fields=",".join(selectors) or None,
        sort_by=sort_by,
        newest_first=True,
        limit=wanted.limit,
        keep=keep if phases or oldest is not None else None,
    )
    cluster = target.connect()
    if watch:
        return watch_items(cluster, EXECUTIONS, query, chosen)
    items, _ = list_kind(cluster, EXECUTIONS, query)
    print_items(cluster, EXECUTIONS, items, query, chosen)
    return 0
