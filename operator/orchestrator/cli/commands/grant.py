"""`grant`."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli.connection import Target
from orchestrator.cli.granting import GrantOptions, print_grants
from orchestrator.cli.options import ACTION_NAMES, on_cluster


@on_cluster
def command(
    target: Target,
    actions: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="ACTION",
            help="Names of actions; local/NAME for a Template in the namespace.",
            autocompletion=ACTION_NAMES,
        ),
    ] = None,
    files: Annotated[
        list[str] | None,
        typer.Option(
            "--filename",
            "-f",
            metavar="FILE",
            help="File, folder, or - for standard input: the actions of its Workflows; repeatable.",
        ),
    ] = None,
    service_account: Annotated[
        str | None,
        typer.Option(
            "--service-account",
            metavar="NAME",
            help="Service account for the rights; by default the one that the Template names.",
        ),
    ] = None,
    target_namespaces: Annotated[
        list[str] | None,
        typer.Option(
            "--target-namespace",
            metavar="NAME",
            help="Namespace that the actions work on, if it is another than that of the workflow;"
            " repeatable.",
        ),
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Do not use a cluster, even if one is available.")
    ] = False,
) -> int:
    """It changes nothing: the manifests are for `kubectl apply -f -`. The rights are those that the
    Templates declare, on the cluster or, without one, in this release.

    \b
    Examples:
      orchestrator grant rollout-restart pod-logs -n shop | kubectl apply -f -
      orchestrator grant -f workflow.yaml -n shop > rights.yaml
    """
    options = GrantOptions(
        actions=tuple(actions or ()),
        files=tuple(files or ()),
        account=service_account,
        targets=tuple(target_namespaces or ()),
        offline=offline,
    )
    return print_grants(target, options)
