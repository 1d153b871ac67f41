"""`run`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli.connection import Target
from orchestrator.cli.creating import Printed
from orchestrator.cli.options import WORKFLOW_NAMES, Output, Watch, on_cluster
from orchestrator.cli.running import RunOptions, run_workflow


@on_cluster
def command(
    target: Target,
    workflow: Annotated[
        str | None,
        typer.Argument(
            metavar="WORKFLOW", help="Name of the Workflow.", autocompletion=WORKFLOW_NAMES
        ),
    ] = None,
    files: Annotated[
        list[str] | None,
        typer.Option(
            "--filename",
            "-f",
            metavar="FILE",
            help="File, folder, or - for standard input: its manifests are applied and its Workflow"
            " is run, or its WorkflowExecution is created; repeatable.",
        ),
    ] = None,
    var: Annotated[
        list[str] | None,
        typer.Option(
            "--var",
            metavar="NAME=VALUE",
            help="A variable, converted to the type that the Workflow declares; repeatable.",
        ),
    ] = None,
    vars_file: Annotated[
        Path | None,
        typer.Option("--vars-file", metavar="FILE", help="YAML or JSON file of variables."),
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="Name of the execution.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check everything without creating anything.")
    ] = False,
    watch: Watch = False,
    output: Output = None,
) -> int:
    """If the Workflow is invalid, the command exits immediately with code 1. With --watch the exit
    code is 0 Succeeded, 1 Failed, 3 TimedOut, 4 Cancelled.

    \b
    Examples:
      orchestrator run restart --var service=payments --watch
      orchestrator run -f workflow.yaml
      orchestrator run restart --dry-run -o yaml
    """
    options = RunOptions(workflow, files or [], var or [], vars_file, name, dry_run)
    return run_workflow(target, options, Printed(output, watch))
