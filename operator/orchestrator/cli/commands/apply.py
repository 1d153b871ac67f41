"""`apply`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from orchestrator.cli.applying import apply_files
from orchestrator.cli.connection import Target
from orchestrator.cli.options import Files, on_cluster


class DryRun(StrEnum):
    """Whether nothing is stored."""

    NONE = "none"
    SERVER = "server"


@on_cluster
def command(
    target: Target,
    files: Files,
    dry_run: Annotated[
        DryRun, typer.Option("--dry-run", help="server: check everything without storing anything.")
    ] = DryRun.NONE,
) -> int:
    """Each problem is one line with file, document and path. If there is any, nothing is applied.

    \b
    Examples:
      orchestrator apply -f workflows/
      orchestrator apply -f workflow.yaml --dry-run=server
    """
    return apply_files(target, files, dry_run=dry_run is DryRun.SERVER)
