"""`wait`."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli.connection import Target
from orchestrator.cli.options import Executions, on_cluster
from orchestrator.cli.waiting import wait_for


@on_cluster
def command(
    target: Target,
    executions: Executions,
    timeout: Annotated[
        str | None,
        typer.Option("--timeout", metavar="DURATION", help="Wait at most this long, such as 30m."),
    ] = None,
) -> int:
    """Prints a line as each execution ends. Exit code: 0 if all Succeeded, otherwise that of the
    first that did not:
    1 Failed, 3 TimedOut, 4 Cancelled. 124: --timeout expired.

    \b
    Examples:
      orchestrator wait restart-x7k2p deploy-b2c4d --timeout 30m
    """
    return wait_for(target, executions, timeout)
