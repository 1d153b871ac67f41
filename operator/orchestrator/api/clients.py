"""Access to the API server in the name of callers, over one pool of connections.

A request to the API server carries the caller's own token and nothing else; that of a session
carries the token of our account, always with the headers that impersonate the session's user. So
RBAC, policies and the audit log are those of the caller.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from orchestrator.api.rights import Rights
from orchestrator.kube.access import Access
from orchestrator.kube.blocking_transport import BlockingTransport
from orchestrator.kube.client import ApiClient
from orchestrator.kube.credentials import Credentials
from orchestrator.kube.errors import ApiError
from orchestrator.kube.impersonated import Impersonated
from orchestrator.kube.request_proxy import RequestProxy
from orchestrator.kube.transport import Transport
from orchestrator.session.cluster import Cluster

if TYPE_CHECKING:  # without a history, SQLAlchemy need not be installed
    from orchestrator.api.history_reader import HistoryReader

CONNECTIONS = 64
"""Connections to the API server that are kept; more are opened while they are needed."""
USER_AGENT = "User-Agent", "orchestrator-api"
ANSWER_SECONDS = 30.0
"""Maximum silence of the API server, in seconds."""


@dataclass(frozen=True, slots=True)
class BearerToken:
    """A caller's own token."""

    text: str = field(repr=False)


class Clients:
    """Clients for callers, which share their connections."""

    def __init__(self, access: Access, history: HistoryReader | None = None) -> None:
        """Of `access`, the address and the authority count; its token is sent for the users of
        sessions only, and a client certificate is left out."""
        self.history = history
        anonymous = access.anonymous()
        self.server = anonymous.server
        self.rights = Rights()
        self._authorization = access.authorization
        self._blocking = BlockingTransport(anonymous, [USER_AGENT], connections=CONNECTIONS)
        self._credentials = Credentials(anonymous)
        self._account = Credentials(replace(anonymous, authorization=access.authorization))
        self._streams = Transport(self._credentials)
        self.proxy = RequestProxy(anonymous)

    async def close(self) -> None:
        """Close the connections of streams, and those to the history."""
        await self._streams.close()
        if self.history is not None:
            await self.history.close()
        await self.proxy.close()

    def cluster(self, user: BearerToken | Impersonated, namespace: str) -> Cluster:
        """The objects that a user sees; its methods block."""
        match user:
            case BearerToken(text):
                transport = self._blocking.with_token(text)
            case Impersonated():
                transport = self._blocking.impersonating(self._authorization, user)
        return Cluster(transport, namespace, timeout=ANSWER_SECONDS)

    def streaming(self, user: BearerToken | Impersonated) -> ApiClient:
        """A client for watches in the name of a user."""
        match user:
            case BearerToken(text):
                credentials = self._credentials.with_token(text)
                return ApiClient(credentials, self._streams.with_credentials(credentials))
            case Impersonated():
                streams = self._streams.with_credentials(self._account, user)
                return ApiClient(self._account, streams)

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
    """The user of a bearer token, or of a session."""

    clients: Clients
    user: BearerToken | Impersonated
    ends: float | None = None
    """When the session ends, in seconds since the epoch; None with a bearer token."""

    def cluster(self, namespace: str = "default") -> Cluster:
        """The objects that the caller sees; its methods block."""
        return self.clients.cluster(self.user, namespace)

    def streaming(self) -> ApiClient:
        """A client for watches in the caller's name."""
        return self.clients.streaming(self.user)
