"""`action`: the command that a node's Job runs; `orchestrator.entry` starts it without the command
line."""

from __future__ import annotations

import os
from typing import Annotated

import typer


def command(
    name: Annotated[str, typer.Argument(metavar="ACTION", help="Name of the action.")],
) -> None:
    """Reads parameters from the environment and writes outputs to the file `$OUTPUTS`."""
    from orchestrator.actions.main import run

    raise typer.Exit(run(name, os.environ))
