"""How the API server is reached and who we are there.

The official client's loaders read kubeconfigs (client certificates, tokens, exec plugins) and the
service account of a pod; here their result becomes a TLS context and an Authorization header.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import time
from collections.abc import Callable
from pathlib import Path

import kubernetes

REFRESH_SECONDS = 10.0
"""How often the loaders are asked whether the token changed: file rotation, plugin expiry."""


class Credentials:
    """The server's address, the TLS context and a token that follows its source."""

    def __init__(self, configuration: kubernetes.client.Configuration) -> None:
        self._configuration = configuration
        self._authorization: str | None = None
        self._asked = float("-inf")
        self._lock = asyncio.Lock()
        self.server: str = configuration.host.rstrip("/")
        self.proxy: str | None = configuration.proxy
        self.server_name: str | None = configuration.tls_server_name or None
        self.tls: ssl.SSLContext | None = (
            _tls_context(configuration) if self.server.startswith("https://") else None
        )

    async def authorization(self) -> str | None:
        """The Authorization header; a plugin runs in a thread, since it may take seconds."""
        if time.monotonic() - self._asked < REFRESH_SECONDS:
            return self._authorization
        async with self._lock:
            if time.monotonic() - self._asked >= REFRESH_SECONDS:
                self._authorization = await asyncio.to_thread(self.current)
                self._asked = time.monotonic()
        return self._authorization

    def current(self) -> str | None:
        """The Authorization header as its source has it now; may block."""
        key = self._configuration.get_api_key_with_prefix("BearerToken", "authorization")
        return key.strip() if key else None

    @property
    def certificate_file(self) -> str | None:
        """The client certificate's file, if one identifies us."""
        return self._configuration.cert_file or None

    @property
    def key_file(self) -> str | None:
        """The client certificate's private key."""
        return self._configuration.key_file or None

    @property
    def ca_file(self) -> str | None:
        """What the server's certificate is checked against; None for the system's."""
        return self._configuration.ssl_ca_cert or None

    @property
    def insecure(self) -> bool:
        """Whether the kubeconfig asks not to check the server's certificate."""
        return not self._configuration.verify_ssl


def load(kubeconfig: str | None = None, context: str | None = None) -> Credentials:
    """The credentials of this kubeconfig, of the pod we are in, or of the user's kubeconfig.

    Raises kubernetes.config.ConfigException, in words, when there are none.
    """
    configuration = kubernetes.client.Configuration()
    if kubeconfig is None and os.environ.get("KUBERNETES_SERVICE_HOST"):
        load_pod: Callable[..., None] = kubernetes.config.load_incluster_config
        load_pod(client_configuration=configuration)
        return Credentials(configuration)
    path = kubeconfig or os.environ.get("KUBECONFIG") or str(Path("~/.kube/config").expanduser())
    load_file: Callable[..., None] = kubernetes.config.load_kube_config
    load_file(
        config_file=path,
        context=context,
        client_configuration=configuration,
        persist_config=False,
    )
    return Credentials(configuration)


def _tls_context(configuration: kubernetes.client.Configuration) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=configuration.ssl_ca_cert or None)
    if not configuration.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, configuration.key_file or None)
    return context
