"""The options that the commands of servers share, and their checks."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli.impersonation import configured
from orchestrator.process.certificate import CertificateFiles
from orchestrator.session.errors import UsageError

LOG_VARIABLE = "ORCHESTRATOR_LOG"
"""Environment variable with the log level, used if the option is absent."""
LOG_FORMATS = ("plain", "json")
LOG_LEVELS = ("debug", "info", "warning", "error")

Namespaces = Annotated[
    list[str] | None,
    typer.Option(
        "--namespace",
        "-n",
        metavar="NAME",
        help="Namespace to serve; repeatable. All namespaces by default.",
    ),
]
HealthAddress = Annotated[
    str,
    typer.Option(
        metavar="HOST:PORT", help="Address of /healthz, /readyz and /metrics; not served if empty."
    ),
]
LeaseName = Annotated[
    str,
    typer.Option(
        metavar="NAMESPACE/NAME",
        help="Lease that elects the leader of several replicas; none if empty.",
    ),
]
TlsCertificate = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Certificate in PEM, reloaded when it changes; plain HTTP without one.",
    ),
]
TlsKey = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Private key of the certificate in PEM.")
]
LogFormat = Annotated[str, typer.Option(help="plain or json.")]
LogLevel = Annotated[str, typer.Option(envvar=LOG_VARIABLE, help="debug, info, warning or error.")]


def check_log_options(context: typer.Context, log_format: str, log_level: str) -> None:
    """Raises UsageError, which names the option or variable that is wrong."""
    if log_format not in LOG_FORMATS:
        raise UsageError(f"--log-format {log_format}: write plain or json")
    if log_level not in LOG_LEVELS:
        source = context.get_parameter_source("log_level")
        from_environment = source is not None and source.name == "ENVIRONMENT"
        given = f"{LOG_VARIABLE}=" if from_environment else "--log-level "
        raise UsageError(f"{given}{log_level}: write debug, info, warning or error")


def check_own_account(context: typer.Context, server: str) -> None:
    """Raises UsageError if the kubeconfig acts as another user: a server uses its own account."""
    target = context.obj
    acts_as = configured(target.kubeconfig, target.context).user
    if acts_as and (target.kubeconfig or not os.environ.get("KUBERNETES_SERVICE_HOST")):
        raise UsageError(
            f"the kubeconfig acts as {acts_as}, but the {server} does not impersonate users;"
            " choose another context with --context"
        )


def check_lease(lease: str) -> None:
    """Raises UsageError if --lease is not NAMESPACE/NAME."""
    if lease and len([part for part in lease.split("/") if part]) != 2:
        raise UsageError(f"--lease {lease}: write NAMESPACE/NAME")


def served(context: typer.Context, namespaces: list[str] | None) -> tuple[str, ...]:
    """The namespaces to serve: those of the command, or the one before it; all if empty."""
    default = context.obj.namespace
    return tuple(namespaces if namespaces is not None else [default] if default else ())


def read_address(address: str) -> tuple[str, int]:
    """The host and the port of --address; no host for every address. Raises UsageError."""
    host, colon, port = address.rpartition(":")
    number = int(port) if colon and port.isascii() and port.isdecimal() else -1
    if not 0 <= number < 65536:
        raise UsageError(f"--address {address}: write HOST:PORT, or :PORT for every address")
    return host.strip("[]"), number


def read_certificate(certificate: Path | None, key: Path | None) -> CertificateFiles | None:
    """The files of --tls-certificate and --tls-key; None for plain HTTP. Raises UsageError."""
    if (certificate is None) != (key is None):
        missing = "--tls-key" if key is None else "--tls-certificate"
        raise UsageError(f"{missing}: write it as well; a certificate needs its key")
    return None if certificate is None or key is None else CertificateFiles(certificate, key)
