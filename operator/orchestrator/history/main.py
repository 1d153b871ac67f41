"""`orchestrator recorder`: records ended executions in the history until a signal."""

from __future__ import annotations

import asyncio
import logging
import socket
import uuid
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, generate_latest

from orchestrator.history.database import described
from orchestrator.history.logs.log_store import LogStore
from orchestrator.history.logs.logs import LogOptions, Logs
from orchestrator.history.recorder import HistoryRecorder, Keep
from orchestrator.history.store import Store
from orchestrator.kube.client import ApiClient
from orchestrator.kube.lease import Lease
from orchestrator.process.background_loop import InlineLoop
from orchestrator.process.health import serving
from orchestrator.process.server import run_server

if TYPE_CHECKING:
    from orchestrator.tracing.delivery import Outcomes, SpanDelivery

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RecorderOptions:
    """The options of the recorder."""

    store: Store
    """The database of the history."""
    database: str
    """Its URL."""
    namespaces: tuple[str, ...] = ()
    """Namespaces whose executions are recorded; all if empty."""
    kubeconfig: str | None = None
    """If absent, the pod's service account, otherwise the user's own kubeconfig."""
    context: str | None = None
    """If absent, the kubeconfig's current context."""
    log_format: str = "plain"
    """plain or json."""
    log_level: str = "info"
    """debug, info, warning or error."""
    health_address: str = ""
    """HOST:PORT of /healthz, /readyz and /metrics; not served if empty."""
    lease: str = ""
    """NAMESPACE/NAME of the Lease that elects the replica that records; none if empty."""
    traces: str = ""
    """URL of the collector that spans are exported to; none are if it is empty."""
    keep: Keep = field(default_factory=Keep)
    """How long the history keeps executions."""
    logs: LogOptions | None = None
    """How logs are kept; None if they are not."""


def run(options: RecorderOptions) -> None:
    """Run until SIGINT or SIGTERM; an exception's message says why it ended otherwise."""
    run_server(partial(serve, options), options.log_format, options.log_level)


async def serve(options: RecorderOptions, stop: asyncio.Event) -> None:
    """Run until `stop` is set. Raises OSError if the address of health cannot be used."""
    registry = CollectorRegistry()
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(
            ApiClient.from_environment(options.kubeconfig, options.context)
        )
        stack.push_async_callback(options.store.close)
        logs = None
        if options.logs is not None:
            kept = LogStore(options.store.engine, options.logs.bucket)
            logs = Logs(client, kept, options.logs, registry, options.namespaces)
        recorder = HistoryRecorder(
            client,
            options.store,
            namespaces=options.namespaces,
            lease=_lease(client, options.lease),
            keep=options.keep,
            spans=_spans(stack, options.traces),
            logs=logs,
            registry=registry,
        )
        if options.health_address:
            await stack.enter_async_context(
                serving(
                    options.health_address,
                    (),
                    partial(generate_latest, registry),
                    InlineLoop(),
                    recorder.unready,
                )
            )
        server = client.credentials.server
        logger.info("recording executions of %s in %s", server, described(options.database))
        await recorder.run(stop)
    logger.info("stopped")


def _lease(client: ApiClient, place: str) -> Callable[[], Lease] | None:
    """Makes the Lease, which this process holds by a name of its own."""
    if not place:
        return None
    namespace, _, name = place.partition("/")
    return partial(Lease, client, namespace, name, f"{socket.gethostname()}-{uuid.uuid4().hex[:8]}")


def _spans(stack: AsyncExitStack, collector: str) -> Callable[[Outcomes], SpanDelivery] | None:
    """Makes what exports spans, closed with the stack."""
    if not collector:
        return None
    # Imported only here: it takes a quarter of a second, and is an extra.
    from orchestrator.tracing.delivery import SpanDelivery, otlp_exporter

    def delivery(outcomes: Outcomes) -> SpanDelivery:
        made = SpanDelivery(otlp_exporter(collector), outcomes)
        stack.push_async_callback(made.close)
        return made

    return delivery
