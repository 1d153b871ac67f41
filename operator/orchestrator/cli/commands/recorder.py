"""`recorder`."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Annotated
from urllib.parse import urlsplit

import typer

from orchestrator.cli.history_options import (
    DATABASE_VARIABLE,
    MODULES,
    Database,
    DatabaseFile,
    database_option,
    database_url,
)
from orchestrator.cli.log_options import (
    DATABASE,
    OFF,
    LogAuthority,
    LogCredentials,
    LogEndpoint,
    LogPlace,
    LogRegion,
    bucket_of,
)
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
from orchestrator.session.errors import UsageError

MISSING = "the recorder needs SQLAlchemy and its drivers: install itechsmart-workflow[history]"


def command(
    context: typer.Context,
    database: Database = "",
    database_file: DatabaseFile = None,
    namespace: Namespaces = None,
    lease: LeaseName = "",
    keep_days: Annotated[
        int,
        typer.Option(
            metavar="N", min=0, help="Days for which an execution is kept; 0 for no limit."
        ),
    ] = 0,
    keep_count: Annotated[
        int,
        typer.Option(metavar="N", min=0, help="Number of executions kept; 0 for no limit."),
    ] = 0,
    traces: Annotated[
        str,
        typer.Option(
            metavar="URL",
            help="Collector that takes OTLP over HTTP, such as http://collector:4318: the spans of"
            " each ended execution are exported to it. The variables OTEL_EXPORTER_OTLP_HEADERS,"
            " _CERTIFICATE and _COMPRESSION apply.",
        ),
    ] = "",
    logs: LogPlace = DATABASE,
    logs_endpoint: LogEndpoint = "",
    logs_region: LogRegion = "us-east-1",
    logs_ca: LogAuthority = None,
    logs_credentials: LogCredentials = None,
    log_limit: Annotated[
        int,
        typer.Option(
            metavar="MIB",
            min=1,
            max=1024,
            help="Size of the log of an attempt beyond which only its beginning and its end, half"
            " of this each, are kept.",
        ),
    ] = 2,
    keep_log_days: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=0,
            help="Days for which a log is kept; 0 for as long as its execution.",
        ),
    ] = 0,
    health_address: HealthAddress = "",
    log_format: LogFormat = "plain",
    log_level: LogLevel = "info",
) -> None:
    """Runs until SIGTERM or SIGINT. Start `orchestrator operator` with --history, so that no
    execution is deleted before it is recorded."""
    check_log_options(context, log_format, log_level)
    check_lease(lease)
    check_own_account(context, "recorder")
    url = database_url(database, database_file)
    if not url:
        raise UsageError(f"give --database, --database-file or {DATABASE_VARIABLE}")
    try:
        from orchestrator.history.logs.extent import Limit
        from orchestrator.history.logs.logs import LogOptions
        from orchestrator.history.main import RecorderOptions, run
        from orchestrator.history.recorder import Keep
        from orchestrator.history.store import Store
    except ModuleNotFoundError as error:
        if error.name not in MODULES:
            raise
        raise UsageError(MISSING) from error
    from orchestrator.kube.access import AccessError

    target = context.obj
    try:
        store = Store(url)
    except ValueError as error:
        raise UsageError(f"{database_option(database_file)}: {error}") from error
    half = log_limit * 1024 * 1024 // 2
    bucket = bucket_of(logs, logs_endpoint, logs_region, logs_ca, logs_credentials)
    kept = None if logs == OFF else LogOptions(Limit(half, half), keep_log_days, bucket)
    options = RecorderOptions(
        store=store,
        database=url,
        namespaces=served(context, namespace),
        kubeconfig=target.kubeconfig,
        context=target.context,
        log_format=log_format,
        log_level=log_level,
        health_address=health_address,
        lease=lease,
        traces=_collector(traces),
        keep=Keep(keep_days, keep_count),
        logs=kept,
    )
    try:
        run(options)
    except AccessError as error:
        raise UsageError(f"no usable kubeconfig: {error}") from error
    except ValueError as error:  # the schema of a newer version
        raise UsageError(str(error)) from error
    except OSError as error:
        raise UsageError(f"cannot serve at {health_address}: {error}") from error


def _collector(url: str) -> str:
    """The URL of the collector. Raises UsageError if it is none, or if the exporter is missing."""
    if not url:
        return ""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"--traces {url}: give a URL such as http://collector:4318")
    if find_spec("opentelemetry.exporter") is None:
        raise UsageError("--traces needs itechsmart-workflow[tracing]")
    return url
