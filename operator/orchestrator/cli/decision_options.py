"""The options of `approve` and `reject`."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli.options import NODE_NAMES

Approval = Annotated[
    str | None,
    typer.Argument(
        metavar="NODE",
        help="The approval node; required only if several are pending.",
        autocompletion=NODE_NAMES,
    ),
]
Comment = Annotated[
    str,
    typer.Option(
        "--comment", "-m", metavar="TEXT", help="A comment that is recorded with the decision."
    ),
]
Inputs = Annotated[
    list[str] | None,
    typer.Option(
        "--input",
        metavar="NAME=VALUE",
        help="A value for an input of the approval, converted to its type; repeatable.",
    ),
]
