"""`orchestrator api`: serves the API with its options until a signal."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import uvicorn
from fastapi import FastAPI
from prometheus_client import CollectorRegistry, generate_latest

from orchestrator.api.application import create_application
from orchestrator.api.clients import Clients
from orchestrator.api.limits import Limits
from orchestrator.api.metrics import ApiMetrics
from orchestrator.api.oidc.login import Login
from orchestrator.api.oidc.settings import LoginSettings
from orchestrator.kube.access import Access, AccessError, load, load_anonymous
from orchestrator.process.background_loop import InlineLoop
from orchestrator.process.certificate import Certificate, CertificateFiles
from orchestrator.process.health import serving
from orchestrator.process.server import run_server

if TYPE_CHECKING:  # without a history, SQLAlchemy need not be installed
    from orchestrator.api.history_reader import HistoryReader

logger = logging.getLogger(__name__)
GRACE_SECONDS = 10
"""Seconds for requests to end when the process is stopped."""
REFRESH_SECONDS = 60.0
"""Seconds between two checks whether the certificate was renewed."""
STALLED_SECONDS = 60.0
"""Seconds for which a connection may take nothing of what is sent, before the kernel closes it."""
MAX_HEADERS = 64 * 1024
"""Maximum size of a request line with its headers, in bytes."""


@dataclass(frozen=True, slots=True)
class ApiOptions:
    """The options of the API."""

    host: str
    port: int
    """0 for a free one."""
    kubeconfig: str | None = None
    """Whose address of the API server is used, and its token for sessions only; in a pod, that of
    its cluster."""
    context: str | None = None
    """If absent, the kubeconfig's current context."""
    log_format: str = "plain"
    """plain or json."""
    log_level: str = "info"
    """debug, info, warning or error."""
    health_address: str = ""
    """HOST:PORT of /healthz, /readyz and /metrics; not served if empty."""
    certificate: CertificateFiles | None = None
    """Plain HTTP without one."""
    limits: Limits = field(default_factory=Limits)
    history: HistoryReader | None = None
    """Where answers also come from; from live objects alone without one."""
    login: LoginSettings | None = None
    """How browsers log in; they cannot if absent."""
    version: str = ""
    """The version in the metrics."""


def run(options: ApiOptions) -> None:
    """Run until SIGINT or SIGTERM; an exception's message says why it ended otherwise."""
    run_server(partial(serve, options), options.log_format, options.log_level)


class _Server(uvicorn.Server):
    """Leaves signals to the process."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen. Raises OSError if the address cannot be used."""
        try:
            await super().startup(sockets)
        except SystemExit as exit_:
            # uvicorn logs the OSError and ends the process; the caller says what to change.
            if isinstance(exit_.__context__, OSError):
                raise exit_.__context__ from None
            raise
        for each in self.servers:
            for listening in each.sockets:
                # Connections inherit it. uvicorn closes one only once all is sent, so that who
                # reads nothing would keep it, and what is buffered for it, forever.
                stalled = round(STALLED_SECONDS * 1000)
                listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, stalled)
        self._listening.set()

    async def ready(self, serving_requests: asyncio.Task[None]) -> None:
        """Return once it listens, or has ended."""
        listening = asyncio.create_task(self._listening.wait())
        await asyncio.wait({listening, serving_requests}, return_when=asyncio.FIRST_COMPLETED)
        listening.cancel()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(options: ApiOptions, stop: asyncio.Event) -> None:
    """Run until `stop` is set. Raises OSError if the address cannot be used, AccessError without
    credentials that are needed."""
    load_access = load_anonymous if options.login is None else load
    access = load_access(options.kubeconfig, options.context)
    clients = Clients(access, options.history)
    registry = CollectorRegistry()
    metrics = ApiMetrics(registry, options.version)
    application = create_application(clients, options.limits, _login(options, access), metrics)
    config = uvicorn.Config(
        application,
        host=options.host,
        port=options.port,
        http="h11",
        ws="none",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        h11_max_incomplete_event_size=MAX_HEADERS,
    )
    config.load()
    async with AsyncExitStack() as stack:
        if options.certificate is not None:
            certificate = Certificate(options.certificate)
            config.ssl = certificate.context
            refreshing = asyncio.create_task(_refresh(certificate))
            stack.callback(refreshing.cancel)
        if options.health_address:
            await stack.enter_async_context(
                serving(
                    options.health_address, (), partial(generate_latest, registry), InlineLoop()
                )
            )
        await _serve(_Server(config), application, clients.server, stop)
    logger.info("stopped")


def _login(options: ApiOptions, access: Access) -> Login | None:
    if options.login is None:
        return None
    if not (access.authorization() or "").startswith("Bearer "):
        raise AccessError(
            "--oidc-issuer needs a token of an account that may impersonate users;"
            " there is none (a client certificate is not used)"
        )
    from orchestrator.api.oidc.factory import make_login

    return make_login(options.login)


async def _serve(server: _Server, application: FastAPI, address: str, stop: asyncio.Event) -> None:
    serving_requests = asyncio.create_task(server.serve())
    try:
        await server.ready(serving_requests)
        if server.started:
            port = server.servers[0].sockets[0].getsockname()[1]
            logger.info("the API is served at port %d for %s", port, address)
            await stop.wait()
    finally:
        application.state.stopping.set()
        server.should_exit = True
        await serving_requests


async def _refresh(certificate: Certificate) -> None:
    while True:
        await asyncio.sleep(REFRESH_SECONDS)
        try:
            if certificate.refresh():
                logger.info("the certificate was renewed")
        except OSError as error:
            logger.warning("the certificate cannot be read: %s", error)
