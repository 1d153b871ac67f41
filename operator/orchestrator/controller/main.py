"""`orchestrator operator`: runs the operator with its options until a signal."""

from __future__ import annotations

import asyncio
import logging
import socket
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from orchestrator.controller.components import Components
from orchestrator.controller.executions.admission.protection import READ_SECONDS
from orchestrator.controller.operator import Operator
from orchestrator.controller.webhook.reviewer import Reviewer
from orchestrator.controller.webhook.server import Address
from orchestrator.controller.webhook.server import serve as serve_webhook
from orchestrator.engine.people.protection import INSTALLATION
from orchestrator.kube.access import load
from orchestrator.kube.client import ApiClient
from orchestrator.kube.credentials import Credentials
from orchestrator.kube.lease import Lease
from orchestrator.kube.transport import Transport
from orchestrator.process.background_loop import BackgroundLoop
from orchestrator.process.certificate import Certificate
from orchestrator.process.offload import Offload
from orchestrator.process.server import run_server

logger = logging.getLogger(__name__)

WEBHOOK_REQUESTS = 8
"""Maximum number of concurrent requests of the admission webhook to the API server."""


@dataclass(frozen=True, slots=True)
class OperatorOptions:
    """The options of the operator."""

    runner_image: str
    """Image for actions whose Template does not name one."""
    namespaces: tuple[str, ...] = ()
    """Namespaces to watch; all if empty."""
    installation: str = INSTALLATION
    """Prefix of the names of the admission policies."""
    workers: int = 128
    """Executions reconciled concurrently."""
    kubeconfig: str | None = None
    """If absent, the pod's service account, otherwise the user's own kubeconfig."""
    context: str | None = None
    """If absent, the kubeconfig's current context."""
    log_format: str = "plain"
    """plain or json."""
    log_level: str = "info"
    """debug, info, warning or error."""
    health_address: str = ""
    """HOST:PORT of /healthz and /readyz; not served if empty."""
    lease: str = ""
    """NAMESPACE/NAME of the Lease that elects the leader; none if empty."""
    version: str = ""
    """The operator's version in the metrics."""
    history: bool = False
    """Whether retention waits until the history has recorded an execution."""
    tracing: bool = False
    """Whether Jobs and sub-executions continue the trace of their execution."""
    webhook: Address | None = None
    """Where the admission webhook is served; not served if absent."""


def run(options: OperatorOptions) -> None:
    """Run until SIGINT or SIGTERM; an exception's message says why it ended otherwise."""
    run_server(partial(serve, options), options.log_format, options.log_level)


async def serve(options: OperatorOptions, stop: asyncio.Event) -> None:
    """Run until `stop` is set."""
    kubeconfig = options.kubeconfig, options.context
    async with (
        ApiClient.from_environment(*kubeconfig) as client,
        BackgroundLoop() as side,
        _beside(side, ApiClient.from_environment(*kubeconfig)) as lease_client,
        _webhook(side, options) as webhook,
    ):
        where = ", ".join(options.namespaces) or "all namespaces"
        logger.info("watching %s at %s", where, client.credentials.server)
        operator = Operator(
            client,
            namespaces=options.namespaces,
            installation=options.installation,
            runner_image=options.runner_image,
            workers=options.workers,
            health_address=options.health_address,
            lease=_lease(lease_client, options.lease, side),
            side=side,
            offload=Offload(),
            policy_reads=READ_SECONDS,
            version=options.version,
            webhook=webhook,
            history=options.history,
            tracing=options.tracing,
        )
        await operator.run(stop)
    logger.info("stopped")


@asynccontextmanager
async def _beside(side: BackgroundLoop, client: ApiClient) -> AsyncIterator[ApiClient]:
    """A client whose connections belong to the other loop."""
    try:
        yield client
    finally:
        await side.run(client.close())


@asynccontextmanager
async def _webhook(
    side: BackgroundLoop, options: OperatorOptions
) -> AsyncIterator[Callable[[Components], Coroutine[Any, Any, None]] | None]:
    """Serves the admission webhook in the other loop, with a thread and connections of its own: no
    review waits for a pass, and no pass for a review."""
    address = options.webhook
    if address is None:
        yield None
        return
    credentials = Credentials(load(options.kubeconfig, options.context))
    client = ApiClient(credentials, Transport(credentials, concurrency=WEBHOOK_REQUESTS))
    offload = Offload(threads=1)

    async def serve_reviews(components: Components) -> None:
        caches = components.caches
        reviewer = Reviewer(
            caches.workflows,
            caches.templates,
            caches.cluster_templates,
            client,
            namespaces=options.namespaces,
            offload=offload,
        )

        def on_certificate(certificate: Certificate) -> None:
            components.operator_metrics.certificate_served(lambda: certificate.expires_at)

        await serve_webhook(address, reviewer.review, on_certificate)

    async with _beside(side, client):
        try:
            yield serve_reviews
        finally:
            offload.stop()


def _lease(client: ApiClient, place: str, side: BackgroundLoop) -> Lease | None:
    if not place:
        return None
    namespace, _, name = place.partition("/")
    identity = f"{socket.gethostname()}-{uuid.uuid4().hex[:8]}"
    return Lease(client, namespace, name, identity, works=lambda: not side.hung)
