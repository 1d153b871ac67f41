"""`list`: executions by phase, Workflow and age."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.cli.connection import Target
from orchestrator.cli.listing import Query, print_items, watch_items
from orchestrator.cli.listing_history import list_with_history
from orchestrator.cli.printing import now, read_format
from orchestrator.kube.resources import EXECUTIONS, WORKFLOWS
from orchestrator.session.durations import read_duration
from orchestrator.session.execution_filter import FAILED, ExecutionFilter, read_phases
from orchestrator.session.kinds import name_in


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
        return read_phases("--status", self.status) | set(FAILED if self.failed else ())


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
    workflow = name_in(WORKFLOWS, wanted.workflow) if wanted.workflow else ""
    chosen_by = ExecutionFilter(workflow, phases, oldest)
    selectors = [*([fields] if fields else []), *chosen_by.selectors()]
    query = Query(
        every=every,
        labels=labels,
        fields=",".join(selectors) or None,
        sort_by=sort_by,
        newest_first=True,
        limit=wanted.limit,
        keep=chosen_by.selects if phases or oldest is not None else None,
    )
    cluster = target.connect()
    if watch:
        return watch_items(cluster, EXECUTIONS, query, chosen)
    items = list_with_history(cluster, query, chosen_by, wanted.since, fields)
    print_items(cluster, EXECUTIONS, items, query, chosen)
    return 0
