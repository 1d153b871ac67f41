"""`api`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli.history_options import (
    MODULES,
    Database,
    DatabaseFile,
    database_option,
    database_url,
)
from orchestrator.cli.log_options import (
    DATABASE,
    LogAuthority,
    LogCredentials,
    LogEndpoint,
    LogPlace,
    LogRegion,
    bucket_of,
)
from orchestrator.cli.login_options import (
    ExternalUrl,
    LoginOptions,
    OidcCaFile,
    OidcClientId,
    OidcClientSecretFile,
    OidcGroupsClaim,
    OidcGroupsFilter,
    OidcIssuer,
    OidcScopes,
    OidcUsernameClaim,
    SessionKeyFile,
    SessionLifetime,
    read_login,
)
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
from orchestrator.cli.version import version
from orchestrator.session.errors import UsageError

if TYPE_CHECKING:
    from orchestrator.api.history_reader import HistoryReader
    from orchestrator.history.logs.bucket import LogBucket

MISSING = "the API needs FastAPI, uvicorn and Authlib: install itechsmart-workflow[api]"
MISSING_HISTORY = (
    "--database needs SQLAlchemy and its drivers: install itechsmart-workflow[api,history]"
)
_LIBRARIES = ("fastapi", "uvicorn", "starlette", "anyio", "authlib", "joserfc", "requests")


def command(
    context: typer.Context,
    address: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Address at which the API is served.")
    ] = ":8091",
    health_address: HealthAddress = "",
    tls_certificate: TlsCertificate = None,
    tls_key: TlsKey = None,
    database: Database = "",
    database_file: DatabaseFile = None,
    logs: LogPlace = DATABASE,
    logs_endpoint: LogEndpoint = "",
    logs_region: LogRegion = "us-east-1",
    logs_ca: LogAuthority = None,
    logs_credentials: LogCredentials = None,
    max_body: Annotated[
        int, typer.Option(metavar="BYTES", min=1024, help="Maximum size of a body.")
    ] = 1024 * 1024,
    max_requests: Annotated[
        int, typer.Option(metavar="N", min=1, help="Maximum number of requests at a time.")
    ] = 128,
    max_streams: Annotated[
        int, typer.Option(metavar="N", min=1, help="Maximum number of open streams.")
    ] = 1024,
    caller_requests: Annotated[
        int, typer.Option(metavar="N", min=1, help="Requests of one token or session at a time.")
    ] = 32,
    caller_streams: Annotated[
        int, typer.Option(metavar="N", min=1, help="Open streams of one token or session.")
    ] = 128,
    rate: Annotated[
        float,
        typer.Option(
            metavar="N",
            min=0.1,
            help="Requests of a token a second, on average; a body counts as one more for each"
            " 32 KiB.",
        ),
    ] = 50.0,
    burst: Annotated[
        int, typer.Option(metavar="N", min=1, help="Requests of a token at once, after a pause.")
    ] = 200,
    external_url: ExternalUrl = "",
    oidc_issuer: OidcIssuer = "",
    oidc_client_id: OidcClientId = "",
    oidc_client_secret_file: OidcClientSecretFile = None,
    oidc_ca_file: OidcCaFile = None,
    oidc_username_claim: OidcUsernameClaim = "sub",
    oidc_groups_claim: OidcGroupsClaim = "",
    oidc_groups_filter: OidcGroupsFilter = None,
    oidc_scopes: OidcScopes = "openid,profile,email",
    session_key_file: SessionKeyFile = None,
    session_lifetime: SessionLifetime = "8h",
    log_format: LogFormat = "plain",
    log_level: LogLevel = "info",
) -> None:
    """Runs until SIGTERM or SIGINT. Each request is made with the caller's own bearer token; of the
    kubeconfig, only the address and the authority of the API server are used. With a database,
    answers contain the executions of the history as well, which is only read. With --oidc-issuer,
    browsers can log in as well: the kubeconfig's token then impersonates who has logged in."""
    check_log_options(context, log_format, log_level)
    host, port = read_address(address)
    certificate = read_certificate(tls_certificate, tls_key)
    try:
        from orchestrator.api.limits import Limits
        from orchestrator.api.main import ApiOptions, run

        login = read_login(
            LoginOptions(
                external_url,
                oidc_issuer,
                oidc_client_id,
                oidc_client_secret_file,
                oidc_ca_file,
                oidc_username_claim,
                oidc_groups_claim,
                tuple(oidc_groups_filter or ()),
                oidc_scopes,
                session_key_file,
                session_lifetime,
            )
        )
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _LIBRARIES:
            raise
        raise UsageError(MISSING) from error
    from orchestrator.kube.access import AccessError

    bucket = bucket_of(logs, logs_endpoint, logs_region, logs_ca, logs_credentials)
    history = _history(database, database_file, bucket)
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
        history=history,
        limits=Limits(
            body=max_body,
            requests=max_requests,
            requests_of_caller=caller_requests,
            streams=max_streams,
            streams_of_caller=caller_streams,
            rate=rate,
            burst=burst,
        ),
        login=login,
        version=version(),
    )
    try:
        run(options)
    except AccessError as error:
        raise UsageError(f"no usable kubeconfig: {error}") from error
    except OSError as error:
        raise UsageError(f"cannot serve at {address}: {error}") from error


def _history(database: str, file: Path | None, bucket: LogBucket | None) -> HistoryReader | None:
    """The history in a database; None without a URL. Raises UsageError."""
    url = database_url(database, file)
    if not url:
        if bucket is not None:
            raise UsageError("--logs s3://… needs --database, which has the rows about logs")
        return None
    try:
        from orchestrator.api.history_reader import HistoryReader
    except ModuleNotFoundError as error:
        if error.name not in MODULES:
            raise
        raise UsageError(MISSING_HISTORY) from error
    try:
        return HistoryReader(url, bucket)
    except ValueError as error:
        raise UsageError(f"{database_option(file)}: {error}") from error
