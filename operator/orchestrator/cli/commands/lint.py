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
        bool, typer.Option("--offline", help="Do not use a cluster, even if one is available.")
    ] = False,
) -> int:
    """Without a cluster, the checks that were skipped are listed. Exit code: 2 if there are errors.

    \b
    Examples:
      orchestrator lint -f workflows/
      orchestrator lint -f workflow.yaml --offline
    """
    return lint_files(target, files, offline=offline)
