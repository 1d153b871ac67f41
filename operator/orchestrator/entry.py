"""The entry point of the program: an action starts without the command line's library.

Each step of a workflow waits for this: of the time until an action of the runner runs, importing
all commands and all actions was half.
"""

from __future__ import annotations

import os
import sys


def main() -> None:
    """`orchestrator action NAME` runs the action; anything else is the command line's."""
    words = sys.argv[1:]
    if len(words) == 2 and words[0] == "action" and not words[1].startswith("-"):
        from orchestrator.actions.main import run

        sys.exit(run(words[1], os.environ))
    from orchestrator.cli.main import main as command_line

    command_line()
