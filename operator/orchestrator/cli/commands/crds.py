"""`crds`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli.terminal import say
from orchestrator.session.errors import UsageError


def command(
    context: typer.Context,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "--output-dir",
            metavar="DIR",
            help="Write one file for each kind into this folder.",
        ),
    ] = None,
    wait: Annotated[
        str | None,
        typer.Option(
            "--wait",
            metavar="DURATION",
            help="Print nothing; wait until the API server serves all kinds, at most this long.",
        ),
    ] = None,
) -> None:
    """The definitions are those of this version; apply them before an operator of this version
    starts."""
    from orchestrator.cli.crd_discovery import wait_until_served
    from orchestrator.crds import render_all, write

    if wait is not None:
        wait_until_served(context.obj, wait)
    elif output is None:
        say(render_all(), end="")
    else:
        try:
            write(output)
        except OSError as error:
            raise UsageError(f"--output {output}: {error.strerror}") from error
