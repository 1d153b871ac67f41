"""`signal`."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli.connection import Target
from orchestrator.cli.options import Execution, on_cluster
from orchestrator.cli.signalling import send_signal


@on_cluster
def command(
    target: Target,
    execution: Execution,
    name: Annotated[str, typer.Argument(metavar="SIGNAL", help="Name of the signal.")],
    payload: Annotated[
        str | None,
        typer.Option("--payload", metavar="JSON", help="A JSON object of at most 4 KiB."),
    ] = None,
    identity: Annotated[
        str | None,
        typer.Option(
            "--id",
            metavar="ID",
            help="Identifier of the signal; if it is sent twice, it counts once.",
        ),
    ] = None,
) -> int:
    """The signal may be sent before a node waits for it.

    \b
    Examples:
      orchestrator signal restart-x7k2p ready --payload '{"build": 7}'
    """
    return send_signal(target, execution, name, payload, identity)
