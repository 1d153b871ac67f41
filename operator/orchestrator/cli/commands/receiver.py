"""`receiver`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli.receiver_options import receiver_address
from orchestrator.cli.server_options import (
    HealthAddress,
    LogFormat,
    LogLevel,
    Namespaces,
    TlsCertificate,
    TlsKey,
    check_log_options,
    check_own_account,
    served,
)
from orchestrator.cli.version import version
from orchestrator.kube.access import AccessError
from orchestrator.receiver.limits import Limits
from orchestrator.receiver.listeners.volumes import FORM, Volumes, parse_volumes
from orchestrator.receiver.main import ReceiverOptions, run
from orchestrator.receiver.slack.interactions import SlackFiles
from orchestrator.session.errors import UsageError

DEFAULTS = Limits()


def command(
    context: typer.Context,
    address: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Address at which requests are received.")
    ] = ":8090",
    namespace: Namespaces = None,
    health_address: HealthAddress = "",
    tls_certificate: TlsCertificate = None,
    tls_key: TlsKey = None,
    client_ca: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Authority of client certificates in PEM, for triggers with mutualTLS.",
        ),
    ] = None,
    audience: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Audience that the tokens of apiEndpoint's callers must have; repeatable. That of"
            " the API server by default.",
        ),
    ] = None,
    max_body: Annotated[
        int, typer.Option(metavar="BYTES", min=1024, help="Maximum size of a body.")
    ] = DEFAULTS.body,
    max_requests: Annotated[
        int, typer.Option(metavar="N", min=1, help="Maximum number of requests at a time.")
    ] = DEFAULTS.requests,
    max_requests_per_trigger: Annotated[
        int,
        typer.Option(metavar="N", min=1, help="Maximum number of requests to a trigger at a time."),
    ] = DEFAULTS.requests_per_trigger,
    slack_signing_secret: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Signing secret of a Slack app, one a line: clicks on buttons of slack-message"
            " are received at /slack/interactions.",
        ),
    ] = None,
    slack_people: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Kubernetes users behind Slack users, as YAML: `U012AB3CD: {user: NAME, groups:"
            " [NAME]}`. The receiver impersonates them.",
        ),
    ] = None,
    volume: Annotated[
        list[str] | None,
        typer.Option(
            metavar=FORM,
            help="Folder that fileWatch triggers of these namespaces may watch; repeatable.",
        ),
    ] = None,
    lease_namespace: Annotated[
        str,
        typer.Option(
            metavar="NAMESPACE",
            help="Namespace of the Leases by which replicas share mailboxes, buckets and folders;"
            " this process reads all of them if empty.",
        ),
    ] = "",
    log_format: LogFormat = "plain",
    log_level: LogLevel = "info",
) -> None:
    """Runs until SIGTERM or SIGINT."""
    check_log_options(context, log_format, log_level)
    check_own_account(context, "receiver")
    target = context.obj
    options = ReceiverOptions(
        address=receiver_address(address, tls_certificate, tls_key, client_ca),
        namespaces=served(context, namespace),
        kubeconfig=target.kubeconfig,
        context=target.context,
        log_format=log_format,
        log_level=log_level,
        health_address=health_address,
        limits=Limits(
            body=max_body,
            requests=max_requests,
            requests_per_trigger=max_requests_per_trigger,
        ),
        audiences=tuple(audience or ()),
        version=version(),
        slack=_slack(slack_signing_secret, slack_people),
        volumes=_volumes(volume or ()),
        lease_namespace=lease_namespace,
    )
    try:
        run(options)
    except AccessError as error:
        raise UsageError(f"no usable kubeconfig: {error}") from error
    except OSError as error:
        raise UsageError(f"cannot receive at {address}: {error}") from error


def _slack(signing_secret: Path | None, people: Path | None) -> SlackFiles | None:
    if (signing_secret is None) is not (people is None):
        raise UsageError("--slack-signing-secret and --slack-people: give both, or neither")
    if signing_secret is None or people is None:
        return None
    return SlackFiles(signing_secret, people)


def _volumes(options: Sequence[str]) -> Volumes:
    try:
        return parse_volumes(options)
    except ValueError as error:
        raise UsageError(str(error)) from error
