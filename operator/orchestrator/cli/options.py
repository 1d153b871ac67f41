"""Options shared by several commands."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from orchestrator.cli.completing import Complete


def _later(name: str, *arguments: str) -> Complete:
    """A completion function of `completing`, imported only when a shell asks for completions."""

    def complete(context: typer.Context, incomplete: str) -> list[str]:
        from orchestrator.cli import completing
        from orchestrator.kube import resources

        found = getattr(completing, name)
        if arguments:
            found = found(*(getattr(resources, argument) for argument in arguments))
        words: list[str] = found(context, incomplete)
        return words

    return complete


EXECUTION_NAMES = _later("names_of", "EXECUTIONS")
WORKFLOW_NAMES = _later("names_of", "WORKFLOWS")
TRIGGER_NAMES = _later("names_of", "TRIGGERS")
ACTION_NAMES = _later("actions")
KIND_NAMES = _later("kinds")
NAMES_OF_KIND = _later("names_of_kind")
NODE_NAMES = _later("nodes")

Namespace = Annotated[
    str | None,
    typer.Option(
        "--namespace",
        "-n",
        metavar="NAME",
        help="Namespace to use; by default that of the kubeconfig's context.",
        autocompletion=_later("namespaces"),
    ),
]
Files = Annotated[
    list[str],
    typer.Option(
        "--filename",
        "-f",
        metavar="FILE",
        help="File, folder, or - for standard input; repeatable.",
    ),
]
Every = Annotated[
    bool, typer.Option("--all-namespaces", "-A", help="List the objects in all namespaces.")
]
Labels = Annotated[
    str | None,
    typer.Option(
        "--selector",
        "-l",
        metavar="SELECTOR",
        help="Label selector, such as `team=shop,tier!=web`.",
    ),
]
Fields = Annotated[
    str | None,
    typer.Option(
        "--field-selector",
        metavar="SELECTOR",
        help="Field selector, such as `status.phase=Failed`. Executions have status.phase,"
        " spec.workflow and spec.trigger.uid; every kind has metadata.name.",
    ),
]
SortBy = Annotated[
    str | None,
    typer.Option(
        "--sort-by",
        metavar="PATH",
        help="JSONPath to sort by, such as `.metadata.creationTimestamp`.",
    ),
]
Follow = Annotated[
    bool, typer.Option("--watch", "-w", help="After the list, print every change until Ctrl-C.")
]
Output = Annotated[
    str | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FORMAT",
        help="json, yaml, name, wide, or jsonpath=TEMPLATE such as `jsonpath={.status.phase}`.",
        autocompletion=_later("formats"),
    ),
]
Execution = Annotated[
    str,
    typer.Argument(
        metavar="EXECUTION",
        help="Name of the execution, awfx/NAME, or @latest for the newest.",
        autocompletion=EXECUTION_NAMES,
    ),
]
Executions = Annotated[
    list[str],
    typer.Argument(
        metavar="EXECUTION",
        help="Names of executions, awfx/NAME, or @latest for the newest.",
        autocompletion=EXECUTION_NAMES,
    ),
]
Node = Annotated[
    str | None, typer.Argument(metavar="NODE", help="Name of a node.", autocompletion=NODE_NAMES)
]
Wait = Annotated[bool, typer.Option("--wait", help="Follow the execution to its end.")]
Watch = Annotated[bool, typer.Option("--watch", "-w", help="Follow the execution to its end.")]
_ADDED = {
    "namespace": Namespace,
    "as_user": Annotated[
        str | None,
        typer.Option(
            "--as", metavar="USER", help="Act as this user; requires the verb impersonate."
        ),
    ],
    "as_group": Annotated[
        list[str] | None,
        typer.Option(
            "--as-group", metavar="GROUP", help="Act as a member of this group; repeatable."
        ),
    ],
    "as_uid": Annotated[
        str | None, typer.Option("--as-uid", metavar="UID", help="Act with this uid.")
    ],
}


def on_cluster(command: Callable[..., int]) -> Callable[..., None]:
    """Turns a function of a Target and of the command's own options into a command on a cluster.

    The command also takes --namespace and kubectl's impersonation flags, as part of its Target; the
    function's return value is the exit code.
    """

    def called(context: typer.Context, **given: Any) -> None:
        from orchestrator.cli.impersonation import Impersonation

        namespace, user, groups, uid = (given.pop(name) for name in _ADDED)
        target = context.obj.within(namespace)
        asked = Impersonation(user or "", tuple(groups or ()), uid or "")
        target = replace(target, impersonation=asked.over(target.impersonation))
        raise typer.Exit(command(target, **given))

    own = list(inspect.signature(command, eval_str=True).parameters.values())[1:]
    keyword = inspect.Parameter.KEYWORD_ONLY
    parameters = [
        inspect.Parameter(
            "context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context
        ),
        *(one.replace(kind=keyword) for one in own),
        *(
            inspect.Parameter(name, keyword, default=None, annotation=kind)
            for name, kind in _ADDED.items()
        ),
    ]
    called.__name__, called.__doc__ = command.__name__, command.__doc__
    called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    called.__annotations__ = {one.name: one.annotation for one in parameters}
    return called
