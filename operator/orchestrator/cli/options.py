"""Options that several commands have."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import Annotated, Any

import typer

from orchestrator.cli.impersonation import Impersonation

Namespace = Annotated[
    str | None, typer.Option("--namespace", "-n", help="Namespace; the kubeconfig's when absent.")
]
Output = Annotated[
    str | None, typer.Option("--output", "-o", help="name, json, yaml, or wide for a table.")
]
Execution = Annotated[str, typer.Argument(help="Name of the execution.")]
Wait = Annotated[bool, typer.Option("--wait", help="Follow it to its end.")]
_AS = {
    "as_user": Annotated[
        str | None,
        typer.Option("--as", metavar="USER", help="Act as this user; takes impersonate."),
    ],
    "as_group": Annotated[
        list[str] | None,
        typer.Option("--as-group", metavar="GROUP", help="And as of this group; repeatable."),
    ],
    "as_uid": Annotated[
        str | None, typer.Option("--as-uid", metavar="UID", help="And with this uid.")
    ],
}


def on_cluster(command: Callable[..., None]) -> Callable[..., None]:
    """A command that also takes kubectl's flags of impersonation, as a part of its Target."""

    @wraps(command)
    def acting(
        context: typer.Context,
        *arguments: Any,
        as_user: str | None = None,
        as_group: list[str] | None = None,
        as_uid: str | None = None,
        **options: Any,
    ) -> None:
        asked = Impersonation(as_user or "", tuple(as_group or ()), as_uid or "")
        target = context.obj
        context.obj = replace(target, impersonation=asked.over(target.impersonation))
        command(context, *arguments, **options)

    signature = inspect.signature(command, eval_str=True)
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)
        for name, kind in _AS.items()
    ]
    parameters = [*signature.parameters.values(), *added]
    acting.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    acting.__annotations__ = {one.name: one.annotation for one in parameters}
    return acting
