"""`delete`."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli.connection import Target
from orchestrator.cli.deleting import DeleteOptions, delete_executions
from orchestrator.cli.options import EXECUTION_NAMES, WORKFLOW_NAMES, Labels, on_cluster


@on_cluster
def command(
    target: Target,
    executions: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="EXECUTION",
            help="Names of executions, awfx/NAME, or @latest for the newest.",
            autocompletion=EXECUTION_NAMES,
        ),
    ] = None,
    older: Annotated[
        str | None,
        typer.Option(
            "--older",
            metavar="DURATION",
            help="Ended executions that ended longer ago than this, such as 7d.",
        ),
    ] = None,
    labels: Labels = None,
    workflow: Annotated[
        str | None,
        typer.Option(
            "--workflow",
            metavar="NAME",
            help="Ended executions of this Workflow.",
            autocompletion=WORKFLOW_NAMES,
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Also delete executions that have not ended.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be deleted without deleting it.")
    ] = False,
) -> int:
    """Executions that have not ended are deleted only with --force. If any named execution cannot
    be deleted, none is.

    \b
    Examples:
      orchestrator delete restart-x7k2p deploy-b2c4d
      orchestrator delete --older 30d --workflow restart
    """
    options = DeleteOptions(executions or [], older, labels, workflow, force, dry_run)
    return delete_executions(target, options)
