"""`new`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli.connection import Target
from orchestrator.cli.new_workflow import NewOptions, make_workflow
from orchestrator.cli.options import Output, on_cluster
from orchestrator.cli.printing import read_format


@on_cluster
def command(
    target: Target,
    name: Annotated[str, typer.Argument(help="Name of the new Workflow.")],
    template: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="TEMPLATE",
            help="ClusterTemplate of a whole workflow; local/NAME for a Template in the namespace.",
        ),
    ],
    var: Annotated[
        list[str] | None,
        typer.Option(
            "--var",
            metavar="NAME=VALUE",
            help="A parameter, converted to the type that the Template declares; repeatable.",
        ),
    ] = None,
    vars_file: Annotated[
        Path | None,
        typer.Option("--vars-file", metavar="FILE", help="YAML or JSON file of parameters."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check everything without creating anything.")
    ] = False,
    output: Output = None,
) -> int:
    """`--dry-run -o yaml` prints the manifest, so that you can keep it in Git and apply it from
    there."""
    wanted = read_format(output, table=False)
    options = NewOptions(name, template, var or [], vars_file, dry_run)
    return make_workflow(target, options, wanted.show)
