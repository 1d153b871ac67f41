"""The program: its options and its commands.

`commands/registry.py` lists the commands. Only the command that is called is imported, so that each
starts as fast as it can; `--help` prints the lines of the registry and imports none.
"""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from orchestrator.cli.api_server import AUTHORITY, SERVER, TOKEN, TOKEN_FILE, Api
from orchestrator.cli.commands.registry import COMMANDS, NEED_CLUSTER, OF_OTHERS
from orchestrator.cli.options import Namespace
from orchestrator.cli.terminal import OutputClosedError, say
from orchestrator.session.errors import UsageError

PROGRAMS = ("orchestrator", "kubectl-automation")
"""The names under which it is installed."""
HELP = {"help_option_names": ["-h", "--help"]}


class _Loaded(Mapping[str, Any]):
    """The commands by name, each imported when it is looked up."""

    def __getitem__(self, name: str) -> Any:
        if name not in COMMANDS:
            raise KeyError(name)
        return load(name)

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


class Commands(TyperGroup):
    """The commands of COMMANDS, each imported when it is asked for."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**{**attributes, "commands": _Loaded()})

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command of the first argument; one of another program is answered with ours."""
        if args and args[0] in OF_OTHERS:
            ctx.fail(f"No such command '{args[0]}'. Did you mean '{OF_OTHERS[args[0]]}'?")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        """The list in the help text."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        """The commands or options that begin with the typed text."""
        listed = [TyperCommand(name, help=does) for name, does in COMMANDS.items()]
        return TyperGroup(commands=listed, params=self.params).shell_complete(ctx, incomplete)


@cache
def load(name: str) -> Any:
    """The command in a file: its function `command`, or `app` if it is a group of commands."""
    module = import_module(f"orchestrator.cli.commands.{name}")
    if hasattr(module, "app"):
        group = get_command(module.app)
        group.name, group.help = name, COMMANDS[name]
        return group
    function = module.command
    single = typer.Typer(add_completion=False, rich_markup_mode=None)
    details = inspect.getdoc(function) or ""
    single.command(name, help=f"{COMMANDS[name]}\n\n{details}")(function)
    return get_command(single)


app = typer.Typer(
    cls=Commands,
    name="orchestrator",
    help="Automation on Kubernetes: incident response and deployment workflows.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings=HELP,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from orchestrator.cli.version import version

        say(version())
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    namespace: Namespace = None,
    kubeconfig: Annotated[
        str | None,
        typer.Option("--kubeconfig", metavar="FILE", help="Kubeconfig to use."),
    ] = None,
    kube_context: Annotated[
        str | None,
        typer.Option("--context", metavar="NAME", help="Context of the kubeconfig to use."),
    ] = None,
    server: Annotated[
        str,
        typer.Option(
            metavar="URL",
            envvar=SERVER,
            help="Address of `orchestrator api`, to work without access to the cluster.",
        ),
    ] = "",
    token_file: Annotated[
        str,
        typer.Option(
            metavar="FILE",
            envvar=TOKEN_FILE,
            help=f"File with the token for --server; otherwise the variable {TOKEN} has it.",
        ),
    ] = "",
    certificate_authority: Annotated[
        str,
        typer.Option(
            metavar="FILE",
            envvar=AUTHORITY,
            help="CA certificates for --server; by default those of the system.",
        ),
    ] = "",
    version: Annotated[  # noqa: ARG001
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Which cluster the command works on."""
    from orchestrator.cli.connection import Target

    command = context.invoked_subcommand
    target = Target(kubeconfig, kube_context, namespace, command=command or "")
    source = context.get_parameter_source("server")
    given = bool(server) and source is not None and source.name != "ENVIRONMENT"
    named = kubeconfig or kube_context
    if given and named:
        raise UsageError("--server: leave out --kubeconfig and --context; it needs neither")
    if not server or named:  # an option wins over a variable
        context.obj = target
        return
    if command in NEED_CLUSTER:
        fix = "leave out --server" if given else f"unset {SERVER}"
        raise UsageError(f"{command} needs access to the cluster: {NEED_CLUSTER[command]}; {fix}")
    token = os.environ.get(TOKEN, "")
    context.obj = replace(target, api=Api(server, token_file, token, certificate_authority))


CLOSED = 128 + 13
"""The exit code if the reader of the output has closed it, like that of a process that SIGPIPE
kills."""


def main() -> None:
    """The entry point: a user's mistake is one line and exit code 2, never a traceback."""
    try:
        try:
            _complete()
            app(prog_name=program())
        except UsageError as error:
            say(f"error: {error}", file=sys.stderr)
            sys.exit(error.code)
        except KeyboardInterrupt:
            sys.exit(130)
        finally:
            sys.stdout.flush()
    except (BrokenPipeError, OutputClosedError):
        # Otherwise the interpreter flushes it again at exit, and reports an error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(CLOSED)


def program() -> str:
    """The program name as typed, which determines the name of the completion variable."""
    name = Path(sys.argv[0]).name
    return name if name in PROGRAMS else PROGRAMS[0]


def _complete() -> None:
    """Answer the shell if it asks for completions."""
    if any(name.endswith("_COMPLETE") for name in os.environ):
        from typer.completion import completion_init  # type: ignore[attr-defined]

        completion_init()
