"""Access to the API server in the name of callers: one pool of connections, no credentials of ours.

A request to the API server carries the caller's own token and nothing else, so RBAC, policies and
the audit log are those of the caller.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.api.rights import Rights
from orchestrator.kube.access import Access
from orchestrator.kube.blocking_transport import BlockingTransport
from orchestrator.kube.client import ApiClient
from orchestrator.kube.credentials import Credentials
from orchestrator.kube.errors import ApiError
from orchestrator.kube.transport import Transport
from orchestrator.session.cluster import Cluster

if TYPE_CHECKING:  # without a history, SQLAlchemy need not be installed
    from orchestrator.api.history_reader import HistoryReader

CONNECTIONS = 64
"""Connections to the API server that are kept; more are opened while they are needed."""
USER_AGENT = "User-Agent", "orchestrator-api"
ANSWER_SECONDS = 30.0
"""Maximum silence of the API server, in seconds."""


class Clients:
    """Clients for callers, which share their connections."""

    def __init__(self, access: Access, history: HistoryReader | None = None) -> None:
        """The credentials in `access` are left out: only its address and authority count."""
        self.history = history
        anonymous = access.anonymous()
        self.server = anonymous.server
        self.rights = Rights()
        self._blocking = BlockingTransport(anonymous, [USER_AGENT], connections=CONNECTIONS)
        self._credentials = Credentials(anonymous)
        self._streams = Transport(self._credentials)

    async def close(self) -> None:
        """Close the connections of streams, and those to the history."""
        await self._streams.close()
        if self.history is not None:
            await self.history.close()

    def cluster(self, token: str, namespace: str) -> Cluster:
        """The objects that the user of a token sees; its methods block."""
        return Cluster(self._blocking.with_token(token), namespace, timeout=ANSWER_SECONDS)

    def streaming(self, token: str) -> ApiClient:
        """A client for watches in the name of the user of a token."""
        credentials = self._credentials.with_token(token)
        return ApiClient(credentials, self._streams.with_credentials(credentials))

    def ready(self) -> str:
        """Why the API server cannot be used; empty if it is ready."""
        try:
            with self._blocking.answer("GET", "/readyz", connect=5.0, read=5.0):
                return ""
        except ApiError as error:
            if error.status in (401, 403):  # it answers, but not to the anonymous
                return ""
            return f"the API server at {self.server} is not ready: {error.message}"


@dataclass(frozen=True, slots=True)
class Caller:
    """The user of a bearer token."""

    clients: Clients
    token: str

    def cluster(self, namespace: str = "default") -> Cluster:
        """The objects that the caller sees; its methods block."""
        return self.clients.cluster(self.token, namespace)

    def streaming(self) -> ApiClient:
        """A client for watches in the caller's name."""
        return self.clients.streaming(self.token)
