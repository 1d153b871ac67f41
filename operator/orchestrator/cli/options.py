"""Options that several commands have."""

from __future__ import annotations

from typing import Annotated

import typer

Namespace = Annotated[
    str | None, typer.Option("--namespace", "-n", help="Namespace; the kubeconfig's when absent.")
]
Output = Annotated[
    str | None, typer.Option("--output", "-o", help="name, json, yaml, or wide for a table.")
]
Execution = Annotated[str, typer.Argument(help="Name of the execution.")]
Wait = Annotated[bool, typer.Option("--wait", help="Follow it to its end.")]
