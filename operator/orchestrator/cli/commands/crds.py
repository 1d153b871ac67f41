"""`crds`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli.errors import UsageError
from orchestrator.cli.terminal import say
from orchestrator.crds import render_all, write


def command(
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "--output-dir",
            metavar="DIR",
            help="Write one file for each kind into this folder.",
        ),
    ] = None,
) -> None:
    """The definitions are those of this version; apply them before an operator of this version
    starts."""
    if output is None:
        say(render_all(), end="")
        return
    try:
        write(output)
    except OSError as error:
        raise UsageError(f"--output {output}: {error.strerror}") from error
