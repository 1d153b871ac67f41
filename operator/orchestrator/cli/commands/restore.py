"""`restore`."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli.connection import Target
from orchestrator.cli.options import Files, on_cluster
from orchestrator.cli.restoring import OPERATOR, RestoreOptions, restore_files


@on_cluster
def command(
    target: Target,
    files: Files,
    operator: Annotated[
        str,
        typer.Option(
            "--operator",
            metavar="NAMESPACE/NAME",
            help="Service account of the operator, in whose name statuses are written; requires the"
            " verb impersonate.",
        ),
    ] = OPERATOR,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be restored without doing it.")
    ] = False,
) -> int:
    """FILE is the output of `kubectl get -o yaml` or `-o json`. Objects that exist are kept as they
    are. Ended executions get their status back; those that had not ended end with the reason
    Restored.

    \b
    Examples:
      kubectl get awf,awfx,awft,atpl,actpl,ainc -A -o yaml > backup.yaml
      orchestrator restore -f backup.yaml
    """
    return restore_files(target, files, RestoreOptions(operator, dry_run))
