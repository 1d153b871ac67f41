"""`api`."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli.server_options import (
    HealthAddress,
    LogFormat,
    LogLevel,
    TlsCertificate,
    TlsKey,
    check_log_options,
    read_address,
    read_certificate,
)
from orchestrator.session.errors import UsageError

MISSING = "the API needs FastAPI and uvicorn: install itechsmart-workflow[api]"


def command(
    context: typer.Context,
    address: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Address at which the API is served.")
    ] = ":8091",
    health_address: HealthAddress = "",
    tls_certificate: TlsCertificate = None,
    tls_key: TlsKey = None,
    max_body: Annotated[
        int, typer.Option(metavar="BYTES", min=1024, help="Maximum size of a body.")
    ] = 1024 * 1024,
    max_requests: Annotated[
        int, typer.Option(metavar="N", min=1, help="Maximum number of requests at a time.")
    ] = 128,
    max_streams: Annotated[
        int, typer.Option(metavar="N", min=1, help="Maximum number of open streams.")
    ] = 1024,
    rate: Annotated[
        float,
        typer.Option(metavar="N", min=0.1, help="Requests of a token a second, on average."),
    ] = 50.0,
    burst: Annotated[
        int, typer.Option(metavar="N", min=1, help="Requests of a token at once, after a pause.")
    ] = 200,
    log_format: LogFormat = "plain",
    log_level: LogLevel = "info",
) -> None:
    """Runs until SIGTERM or SIGINT. Each request is made with the caller's own bearer token; of the
    kubeconfig, only the address and the authority of the API server are used."""
    check_log_options(context, log_format, log_level)
    host, port = read_address(address)
    certificate = read_certificate(tls_certificate, tls_key)
    try:
        from orchestrator.api.limits import Limits
        from orchestrator.api.main import ApiOptions, run
    except ModuleNotFoundError as error:
        if error.name not in ("fastapi", "uvicorn", "starlette", "anyio"):
            raise
        raise UsageError(MISSING) from error
    from orchestrator.kube.access import AccessError

    target = context.obj
    options = ApiOptions(
        host=host or "0.0.0.0",  # noqa: S104
        port=port,
        kubeconfig=target.kubeconfig,
        context=target.context,
        log_format=log_format,
        log_level=log_level,
        health_address=health_address,
        certificate=certificate,
        limits=Limits(
            body=max_body, requests=max_requests, streams=max_streams, rate=rate, burst=burst
        ),
    )
    try:
        run(options)
    except AccessError as error:
        raise UsageError(f"no usable kubeconfig: {error}") from error
    except OSError as error:
        raise UsageError(f"cannot serve at {address}: {error}") from error
