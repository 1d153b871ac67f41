"""`operator`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli.errors import UsageError
from orchestrator.cli.impersonation import configured
from orchestrator.cli.version import image, version
from orchestrator.cli.webhook import webhook_address
from orchestrator.controller.main import OperatorOptions, run
from orchestrator.engine.people.protection import INSTALLATION
from orchestrator.kube.access import AccessError

LOG_VARIABLE = "ORCHESTRATOR_LOG"
"""Environment variable with the log level, used if the option is absent."""


def command(
    context: typer.Context,
    namespace: Annotated[
        list[str] | None,
        typer.Option(
            "--namespace",
            "-n",
            metavar="NAME",
            help="Namespace to serve; repeatable. All namespaces by default.",
        ),
    ] = None,
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
    log_format: Annotated[str, typer.Option(help="plain or json.")] = "plain",
    log_level: Annotated[
        str, typer.Option(envvar=LOG_VARIABLE, help="debug, info, warning or error.")
    ] = "info",
    health_address: Annotated[
        str,
        typer.Option(
            metavar="HOST:PORT", help="Address of /healthz and /readyz; not served if empty."
        ),
    ] = "",
    lease: Annotated[
        str,
        typer.Option(
            metavar="NAMESPACE/NAME",
            help="Lease that elects the leader of several replicas; none if empty.",
        ),
    ] = "",
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
    if log_format not in ("plain", "json"):
        raise UsageError(f"--log-format {log_format}: write plain or json")
    if log_level not in ("debug", "info", "warning", "error"):
        source = context.get_parameter_source("log_level")
        from_environment = source is not None and source.name == "ENVIRONMENT"
        given = f"{LOG_VARIABLE}=" if from_environment else "--log-level "
        raise UsageError(f"{given}{log_level}: write debug, info, warning or error")
    if lease and len([part for part in lease.split("/") if part]) != 2:
        raise UsageError(f"--lease {lease}: write NAMESPACE/NAME")
    target = context.obj
    acts_as = configured(target.kubeconfig, target.context).user
    if acts_as and (target.kubeconfig or not os.environ.get("KUBERNETES_SERVICE_HOST")):
        raise UsageError(
            f"the kubeconfig acts as {acts_as}, but the operator does not impersonate users;"
            " choose another context with --context"
        )
    if namespace is None and target.namespace is not None:
        namespace = [target.namespace]
    options = OperatorOptions(
        runner_image=runner_image or image(),
        namespaces=tuple(namespace or ()),
        installation=installation,
        workers=workers,
        kubeconfig=target.kubeconfig,
        context=target.context,
        log_format=log_format,
        log_level=log_level,
        health_address=health_address,
        lease=lease,
        version=version(),
        webhook=webhook_address(webhook, webhook_certificate, webhook_key),
    )
    try:
        run(options)
    except AccessError as error:
        raise UsageError(f"no usable kubeconfig: {error}") from error
