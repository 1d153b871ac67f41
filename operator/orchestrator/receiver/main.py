"""`orchestrator receiver`: runs the receiver with its options until a signal."""

from __future__ import annotations

import asyncio
import logging
import socket
import uuid
from dataclasses import dataclass, field
from functools import partial

from orchestrator.kube.client import ApiClient
from orchestrator.kube.impersonated import Impersonated
from orchestrator.kube.transport import Transport
from orchestrator.operations.decide import Person
from orchestrator.process.offload import Offload
from orchestrator.process.server import run_server
from orchestrator.receiver.limits import Limits
from orchestrator.receiver.listeners.volumes import Volumes
from orchestrator.receiver.receiver import Receiver
from orchestrator.receiver.server import Address
from orchestrator.receiver.slack.interactions import SlackFiles, SlackInteractions

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ReceiverOptions:
    """The options of the receiver."""

    address: Address
    """Where requests are received."""
    namespaces: tuple[str, ...] = ()
    """Namespaces to serve; all if empty."""
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
    limits: Limits = field(default_factory=Limits)
    """Bounds of requests."""
    audiences: tuple[str, ...] = ()
    """Audiences of the tokens of callers; that of the API server if empty."""
    version: str = ""
    """The version in the metrics."""
    slack: SlackFiles | None = None
    """The files of the Slack app; no clicks are answered without them."""
    volumes: Volumes = field(default_factory=Volumes)
    """The folders that triggers may watch."""
    lease_namespace: str = ""
    """Namespace of the Leases by which several replicas share the listeners; this one runs all if
    empty."""


def run(options: ReceiverOptions) -> None:
    """Run until SIGINT or SIGTERM; an exception's message says why it ended otherwise."""
    run_server(partial(serve, options), options.log_format, options.log_level)


async def serve(options: ReceiverOptions, stop: asyncio.Event) -> None:
    """Run until `stop` is set."""
    async with ApiClient.from_environment(options.kubeconfig, options.context) as client:
        where = ", ".join(options.namespaces) or "all namespaces"
        logger.info("receiving for %s at %s", where, client.credentials.server)
        receiver = Receiver(
            client,
            options.address,
            namespaces=options.namespaces,
            health_address=options.health_address,
            limits=options.limits,
            audiences=options.audiences,
            version=options.version,
            offload=Offload(),
            slack=_slack(options.slack, client),
            volumes=options.volumes,
            claims=_claims(options.lease_namespace),
        )
        await receiver.run(stop)
    logger.info("stopped")


def _slack(files: SlackFiles | None, client: ApiClient) -> SlackInteractions | None:
    if files is None:
        return None

    def client_for(person: Person) -> ApiClient:
        """A client whose requests impersonate the user, with its own connections."""
        impersonated = Impersonated(person.name, tuple(person.groups))
        credentials = client.credentials
        return ApiClient(credentials, Transport(credentials, impersonate=impersonated))

    return SlackInteractions(files, client_for)


def _claims(namespace: str) -> tuple[str, str] | None:
    """Where listeners are claimed, and by which name: that of the pod, and of this process."""
    if not namespace:
        return None
    host = socket.gethostname().lower().replace("_", "-")[:40].strip("-.")
    return namespace, f"{host}-{uuid.uuid4().hex[:8]}"
