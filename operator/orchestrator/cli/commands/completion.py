"""`completion`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer
from typer.completion import get_completion_script  # type: ignore[attr-defined]

from orchestrator.cli.terminal import say


class Shell(StrEnum):
    """The shells that can complete."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def command(
    context: typer.Context,
    shell: Annotated[Shell, typer.Argument(metavar="SHELL", help="bash, zsh or fish.")],
) -> None:
    """Completes commands, options, kinds, and the names of objects and nodes on the cluster.

    \b
    Examples:
      source <(orchestrator completion bash)     # in ~/.bashrc
      source <(orchestrator completion zsh)      # in ~/.zshrc, after compinit
      orchestrator completion fish | source      # in ~/.config/fish/config.fish
    """
    program = context.find_root().info_name or "orchestrator"
    variable = f"_{program.replace('-', '_').upper()}_COMPLETE"
    say(get_completion_script(prog_name=program, complete_var=variable, shell=shell.value))
