"""`lint`."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli.connection import Target
from orchestrator.cli.linting import lint_files
from orchestrator.cli.options import Files, on_cluster


@on_cluster
def command(
    target: Target,
    files: Files,
    offline: Annotated[
        bool, typer.Option("--offline", help="Use no cluster, even if there is one.")
    ] = False,
) -> int:
    """Without a cluster, what could not be checked is listed. Exit code: 2 if something is wrong.

    \b
    Examples:
      orchestrator lint -f workflows/
      orchestrator lint -f workflow.yaml --offline
    """
    return lint_files(target, files, offline=offline)
