"""`rerun`."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli.connection import Target
from orchestrator.cli.creating import Printed
from orchestrator.cli.options import NODE_NAMES, Execution, Output, Watch, on_cluster
from orchestrator.cli.rerunning import RerunOptions, rerun_execution


@on_cluster
def command(
    target: Target,
    execution: Execution,
    start: Annotated[
        list[str] | None,
        typer.Option(
            "--from",
            metavar="NODE",
            help="Node to run again, together with all nodes that follow it; repeatable.",
            autocompletion=NODE_NAMES,
        ),
    ] = None,
    var: Annotated[
        list[str] | None,
        typer.Option(
            "--var",
            metavar="NAME=VALUE",
            help="A variable to change. The whole workflow runs again, as with `run`; repeatable.",
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="Name of the new execution.")
    ] = None,
    watch: Watch = False,
    output: Output = None,
) -> int:
    """Requires the verb rerun on workflowexecutions. With --watch: 0 Succeeded, 1 Failed,
    3 TimedOut, 4 Cancelled.

    \b
    Examples:
      orchestrator rerun restart-x7k2p --watch
      orchestrator rerun restart-x7k2p --from check
      orchestrator rerun restart-x7k2p --var service=orders
    """
    options = RerunOptions(start or [], var or [], name)
    return rerun_execution(target, execution, options, Printed(output, watch))
