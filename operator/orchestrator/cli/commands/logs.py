"""`logs`."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli.connection import Target
from orchestrator.cli.logs import show_logs
from orchestrator.cli.options import Execution, Node, on_cluster
from orchestrator.session.durations import read_duration
from orchestrator.session.log_follow import Reading
from orchestrator.session.node_logs import Choice


@on_cluster
def command(
    target: Target,
    execution: Execution,
    node: Node = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Follow the logs until the execution ends.")
    ] = False,
    attempt: Annotated[
        int | None, typer.Option("--attempt", metavar="N", min=1, help="Only attempt N, from 1.")
    ] = None,
    item: Annotated[
        int | None,
        typer.Option("--item", metavar="N", min=0, help="Only item N of a fan-out, from 0."),
    ] = None,
    failed: Annotated[
        bool, typer.Option("--failed", help="Only attempts and items that failed.")
    ] = False,
    since: Annotated[
        str | None,
        typer.Option(
            "--since", metavar="DURATION", help="Only lines newer than this, such as 10m."
        ),
    ] = None,
    timestamps: Annotated[
        bool, typer.Option("--timestamps", help="Prefix each line with its timestamp.")
    ] = False,
    tail: Annotated[
        int | None, typer.Option("--tail", metavar="N", min=0, help="Last N lines of each pod.")
    ] = None,
) -> int:
    """Each line is `NODE | TEXT`; a second attempt is `NODE #2`, and an item of a fan-out
    is `NODE[7]`. The lines of all pods are merged in the order in which they were written. With
    --server, logs that the history has kept are among them.

    \b
    Examples:
      orchestrator logs @latest --follow
      orchestrator logs restart-x7k2p check --tail 20 --timestamps
      orchestrator logs restart-x7k2p --failed
    """
    seconds = None if since is None else read_duration("--since", since)
    choice = Choice(node, attempt, item, failed, Reading(tail, seconds, timestamps))
    return show_logs(target, execution, choice, follow=follow)
