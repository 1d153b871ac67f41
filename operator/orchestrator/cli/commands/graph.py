"""`graph`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli.connection import Target
from orchestrator.cli.graphing import draw
from orchestrator.cli.options import WORKFLOW_NAMES, on_cluster


class Form(StrEnum):
    """The format in which a graph is drawn."""

    MERMAID = "mermaid"
    DOT = "dot"
    SVG = "svg"


@on_cluster
def command(
    target: Target,
    workflow: Annotated[
        str | None,
        typer.Argument(
            metavar="WORKFLOW",
            help="Name of a Workflow; or awfx/NAME or @latest for an execution, with its nodes"
            " coloured by phase.",
            autocompletion=WORKFLOW_NAMES,
        ),
    ] = None,
    files: Annotated[
        list[str] | None,
        typer.Option(
            "--filename",
            "-f",
            metavar="FILE",
            help="File or folder that contains the Workflow to draw.",
        ),
    ] = None,
    form: Annotated[
        Form, typer.Option("--format", help="mermaid, dot (Graphviz) or svg.")
    ] = Form.MERMAID,
    output: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="Write the graph to this file.")
    ] = None,
) -> int:
    """Edges to error handlers and nodes of `finally` are dashed.

    \b
    Examples:
      orchestrator graph restart
      orchestrator graph awfx/restart-x7k2p --format svg --output run.svg
      orchestrator graph -f workflow.yaml --format dot | dot -Tpng > graph.png
    """
    return draw(target, workflow, files or [], form.value, output)
