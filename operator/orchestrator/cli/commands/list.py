"""`list`."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli.connection import Target
from orchestrator.cli.listing_executions import Wanted, list_executions
from orchestrator.cli.options import (
    WORKFLOW_NAMES,
    Every,
    Fields,
    Follow,
    Labels,
    Output,
    SortBy,
    on_cluster,
)


@on_cluster
def command(
    target: Target,
    workflow: Annotated[
        str | None,
        typer.Argument(
            metavar="WORKFLOW",
            help="Only executions of this Workflow.",
            autocompletion=WORKFLOW_NAMES,
        ),
    ] = None,
    status: Annotated[
        list[str] | None,
        typer.Option(
            "--status",
            metavar="PHASE",
            help="Only executions in this phase, such as Running; repeatable, or with commas.",
        ),
    ] = None,
    failed: Annotated[
        bool, typer.Option("--failed", help="Only executions that ended Failed or TimedOut.")
    ] = False,
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="DURATION",
            help="Only executions created within this time, such as 2h or 7d.",
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="N", min=1, help="At most N executions.")
    ] = None,
    every: Every = False,
    labels: Labels = None,
    fields: Fields = None,
    sort_by: SortBy = None,
    watch: Follow = False,
    output: Output = None,
) -> int:
    """The columns are those of `get executions`. With --server, executions of the history are
    listed as well, the newest 500 without --limit.

    \b
    Examples:
      orchestrator list restart --failed --since 7d
      orchestrator list -A --status Running,Paused -w
    """
    wanted = Wanted(workflow, status or [], since, limit, failed=failed)
    return list_executions(target, wanted, every, labels, fields, sort_by, output, watch=watch)
