"""The page of commands, made from the command line's own parser."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import typer.main

from dev.reference.markdown import block, code, page, section, sentence, table
from orchestrator.cli.commands.registry import COMMANDS, NEED_CLUSTER, NEED_NOTHING
from orchestrator.cli.main import app

_HELP = ("--help",)
_AS_IT_STANDS = "\b\n"
"""Marks a paragraph of a help text whose lines are kept."""


def commands() -> str:
    """Every command with its arguments and options."""
    group = typer.main.get_command(app)
    context = group.make_context("orchestrator", [], resilient_parsing=True)
    return page(
        "Commands",
        "What `orchestrator` and `kubectl automation` accept. [The command line](cli.md) "
        "explains how they behave, their exit codes and the rights that they need.",
        section("Options of every command", _parameters(group, context)),
        section("Without access to the cluster", _served()),
        *[_command(name, command, context) for name, command in _below(group, context)],
    )


def _served() -> str:
    """What works with --server."""
    served = [name for name in COMMANDS if name not in (*NEED_CLUSTER, *NEED_NOTHING)]
    listed, local = (", ".join(map(code, names)) for names in (served, NEED_NOTHING))
    reasons = [(code(name), sentence(why)) for name, why in NEED_CLUSTER.items()]
    return (
        f"With `--server`, these work the same through [the REST API](api.md): {listed}. These use"
        f" no cluster: {local}. These need access to the cluster:\n\n"
        + table(("Command", "Why"), reasons)
    )


def _below(group: Any, context: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The commands of a group, and those below them, in the order of the help text."""
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None or command.hidden:
            continue
        yield f"{prefix}{name}", command
        if hasattr(command, "list_commands"):
            yield from _below(command, context, f"{prefix}{name} ")


def _command(name: str, command: Any, parent: Any) -> str:
    context = type(parent)(command, parent=parent, info_name=name)
    usage = " ".join(["orchestrator", name, *_usage(command, context)])
    help_text = inspect.cleandoc(command.help or "")
    first, *rest = help_text.split("\n\n")
    parts = [_paragraph(text) for text in rest]
    return section(code(name), sentence(first), *parts, block(usage), _parameters(command, context))


def _paragraph(text: str) -> str:
    """A paragraph of a help text; one that keeps its lines is a title and lines of code."""
    if not text.startswith(_AS_IT_STANDS):
        return text
    title, *lines = text.removeprefix(_AS_IT_STANDS).strip("\n").splitlines()
    return f"{title}\n\n{block(inspect.cleandoc(chr(10).join(lines)), 'sh')}"


def _usage(command: Any, context: Any) -> Iterator[str]:
    if hasattr(command, "list_commands"):
        yield "COMMAND"
    for parameter in command.get_params(context):
        if parameter.param_type_name == "argument":
            name = parameter.display_name_raw.upper() + (" …" if parameter.nargs != 1 else "")
            yield name if parameter.required else f"[{name}]"
    yield "[OPTIONS]"


def _parameters(command: Any, context: Any) -> str:
    rows = []
    for parameter in command.get_params(context):
        if getattr(parameter, "hidden", False) or set(_HELP) & set(parameter.opts):
            continue
        if parameter.param_type_name == "argument":
            rows.append((code(parameter.display_name_raw.upper()), _help(parameter)))
        else:
            rows.append((_option(parameter, context), _help(parameter)))
    return table(("Argument or option", "Meaning"), rows)


def _option(parameter: Any, context: Any) -> str:
    names = sorted([*parameter.opts, *parameter.secondary_opts], key=lambda name: -len(name))
    value = "" if parameter.is_flag else f" {_value(parameter, context)}"
    return ", ".join(code(f"{name}{value}") for name in names)


def _value(parameter: Any, context: Any) -> str:
    """The placeholder of an option's value: its choices, or its name."""
    shown: str = parameter.metavar or parameter.display_type(context).strip("<>[]")
    return shown if parameter.metavar or "|" in shown else parameter.name.upper().replace("_", "-")


def _help(parameter: Any) -> str:
    words = [sentence(parameter.help or "")]
    if parameter.required:
        words.append("**Required.**")
    if parameter.multiple and "repeatable" not in words[0]:
        words.append("Repeatable.")
    default = parameter.default
    if default not in (None, False, "", [], ()) and not callable(default):
        words.append(f"Default: {code(str(getattr(default, 'value', default)))}.")
    if variable := getattr(parameter, "envvar", None):
        words.append(f"Environment variable: {code(variable)}.")
    return " ".join(word for word in words if word)
