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
    """What a graph is drawn as."""

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
            help="Name of a Workflow, or awfx/NAME or @latest for an execution, in the colours of"
            " its nodes' phases.",
            autocompletion=WORKFLOW_NAMES,
        ),
    ] = None,
    files: Annotated[
        list[str] | None,
        typer.Option(
            "--filename", "-f", metavar="FILE", help="File or folder to draw the Workflow of."
        ),
    ] = None,
    form: Annotated[
        Form, typer.Option("--format", help="mermaid, dot (Graphviz) or svg.")
    ] = Form.MERMAID,
    output: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="Write it into this file.")
    ] = None,
) -> int:
    """Edges to error handlers are dashed, and so are the nodes of `finally`.

    \b
    Examples:
      orchestrator graph restart
      orchestrator graph awfx/restart-x7k2p --format svg --output run.svg
      orchestrator graph -f workflow.yaml --format dot | dot -Tpng > graph.png
    """
    return draw(target, workflow, files or [], form.value, output)
