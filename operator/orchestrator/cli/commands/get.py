"""`get`."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli.connection import Target
from orchestrator.cli.getting import get_objects
from orchestrator.cli.listing import Query
from orchestrator.cli.options import (
    KIND_NAMES,
    NAMES_OF_KIND,
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
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND",
            help="A kind, several with commas, or KIND/NAME: workflows (awf), executions (awfx),"
            " triggers (awft), templates (atpl), clustertemplates (actpl), incidents (ainc),"
            " approvals.",
            autocompletion=KIND_NAMES,
        ),
    ],
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME",
            help="Names of objects, or @latest for the newest; all objects by default.",
            autocompletion=NAMES_OF_KIND,
        ),
    ] = None,
    every: Every = False,
    labels: Labels = None,
    fields: Fields = None,
    sort_by: SortBy = None,
    watch: Follow = False,
    output: Output = None,
) -> int:
    """The columns are those of kubectl. `get approvals` shows pending approvals, their approvers,
    and the command that approves each. With --server, executions that were removed are read from
    the history.

    \b
    Examples:
      orchestrator get workflows,triggers
      orchestrator get awfx/restart-x7k2p -o yaml
      orchestrator get awfx @latest -o jsonpath='{.status.phase}'
      orchestrator get executions -A --field-selector status.phase=Failed
    """
    query = Query(every, labels, fields, sort_by)
    return get_objects(target, kind, names or [], query, output, watch=watch)
