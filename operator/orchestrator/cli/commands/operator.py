"""`operator`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli.server_options import (
    HealthAddress,
    LeaseName,
    LogFormat,
    LogLevel,
    Namespaces,
    check_lease,
    check_log_options,
    check_own_account,
    served,
)
from orchestrator.cli.version import image, version
from orchestrator.cli.webhook_options import webhook_address
from orchestrator.controller.main import OperatorOptions, run
from orchestrator.engine.people.protection import INSTALLATION
from orchestrator.kube.access import AccessError
from orchestrator.session.errors import UsageError


def command(
    context: typer.Context,
    namespace: Namespaces = None,
    installation: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Name of this installation: its admission policies are NAME-people and"
            " NAME-status.",
        ),
    ] = INSTALLATION,
    runner_image: Annotated[
        str | None,
        typer.Option(
            envvar="RUNNER_IMAGE", help="Image for actions whose Template does not name one."
        ),
    ] = None,
    workers: Annotated[
        int,
        typer.Option(
            min=1, max=1000, help="Maximum number of executions that are reconciled concurrently."
        ),
    ] = 128,
    log_format: LogFormat = "plain",
    log_level: LogLevel = "info",
    health_address: HealthAddress = "",
    lease: LeaseName = "",
    history: Annotated[
        bool,
        typer.Option(
            "--history",
            envvar="ORCHESTRATOR_HISTORY",
            help="Delete an ended execution, and its Jobs, only once the history has recorded it,"
            " or a day after its end.",
        ),
    ] = False,
    tracing: Annotated[
        bool,
        typer.Option(
            "--tracing",
            help="Set TRACEPARENT in the environment of actions, and hand the trace on to"
            " sub-executions. The recorder exports the spans.",
        ),
    ] = False,
    webhook: Annotated[
        str,
        typer.Option(
            metavar="HOST:PORT", help="Address of the admission webhook; not served if empty."
        ),
    ] = "",
    webhook_certificate: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Certificate of the webhook in PEM; reloaded when it changes."
        ),
    ] = None,
    webhook_key: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Private key of the webhook in PEM.")
    ] = None,
) -> None:
    """Runs until SIGTERM or SIGINT."""
    check_log_options(context, log_format, log_level)
    check_lease(lease)
    check_own_account(context, "operator")
    target = context.obj
    options = OperatorOptions(
        runner_image=runner_image or image(),
        namespaces=served(context, namespace),
        installation=installation,
        workers=workers,
        kubeconfig=target.kubeconfig,
        context=target.context,
        log_format=log_format,
        log_level=log_level,
        health_address=health_address,
        lease=lease,
        version=version(),
        history=history,
        tracing=tracing,
        webhook=webhook_address(webhook, webhook_certificate, webhook_key),
    )
    try:
        run(options)
    except AccessError as error:
        raise UsageError(f"no usable kubeconfig: {error}") from error
