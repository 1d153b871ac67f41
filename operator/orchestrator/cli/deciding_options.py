"""The options of `approve` and `reject`."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli.options import NODE_NAMES

Approval = Annotated[
    str | None,
    typer.Argument(
        metavar="NODE",
        help="The approval node; needed only if several wait.",
        autocompletion=NODE_NAMES,
    ),
]
Comment = Annotated[
    str, typer.Option("--comment", "-m", metavar="TEXT", help="Why; recorded with the decision.")
]
Inputs = Annotated[
    list[str] | None,
    typer.Option(
        "--input",
        metavar="NAME=VALUE",
        help="A value that the approval asks for, in its type; repeatable.",
    ),
]
