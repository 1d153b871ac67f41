"""The API server's address and our credentials, from a pod's service account or a kubeconfig.

The service account is read here: client-go and the official client use the same environment and
files. Kubeconfigs (client certificates, tokens, exec plugins) are left to the official client,
whose import takes a quarter of a second of CPU, which a pod can avoid.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.request import getproxies, proxy_bypass

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where the kubelet mounts a pod's token and the API server's CA certificate."""


class AccessError(Exception):
    """There are no usable credentials; the message says what is missing."""


def no_authorization() -> str | None:
    """No Authorization header: a client certificate authenticates the request, or nothing does."""
    return None


@dataclass(frozen=True)
class Access:
    """The API server's address and our credentials."""

    server: str
    """Its address, as https://HOST:PORT."""
    authorization: Callable[[], str | None] = no_authorization
    """The current Authorization header; may run a plugin, which can take seconds."""
    ca_file: str | None = None
    """The CA certificates for the server; None for the system's."""
    insecure: bool = False
    """Whether the kubeconfig disables the verification of the server's certificate."""
    certificate_file: str | None = None
    """The client certificate, if one is used."""
    key_file: str | None = None
    """The client certificate's private key."""
    server_name: str | None = None
    """The name in the server's certificate, if it differs from the host of `server`."""
    proxy: str | None = None
    prefix: str = ""
    """What is before the path of each request, where another server passes it on."""

    def anonymous(self) -> Access:
        """The same server without credentials."""
        return replace(self, authorization=no_authorization, certificate_file=None, key_file=None)

    def tls(self) -> ssl.SSLContext | None:
        """The TLS context for `server`; None for plain HTTP."""
        if not self.server.startswith("https://"):
            return None
        context = ssl.create_default_context(cafile=self.ca_file)
        if self.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if self.certificate_file:
            context.load_cert_chain(self.certificate_file, self.key_file)
        return context


def load(
    kubeconfig: str | None = None,
    context: str | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Access:
    """The access by this kubeconfig, by the pod's service account, or by the user's kubeconfig.

    Raises AccessError if there is none.
    """
    if kubeconfig is None and environ.get("KUBERNETES_SERVICE_HOST"):
        return of_pod(environ)
    path = kubeconfig or environ.get("KUBECONFIG") or str(Path("~/.kube/config").expanduser())
    return of_kubeconfig(path, context)


def load_anonymous(
    kubeconfig: str | None = None,
    context: str | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Access:
    """The same without credentials; a pod need not mount a token for it.

    Raises AccessError if there is no address.
    """
    if kubeconfig is None and environ.get("KUBERNETES_SERVICE_HOST"):
        return server_of_pod(environ)
    return load(kubeconfig, context, environ).anonymous()


def of_pod(environ: Mapping[str, str], mounted: Path = SERVICE_ACCOUNT) -> Access:
    """The access of the pod's service account. Raises AccessError outside of a pod with one."""
    server, token = server_of_pod(environ, mounted), mounted / "token"
    _check(token)
    # The kubelet rotates it in time.
    return replace(server, authorization=lambda: f"Bearer {_read(token)}")


def server_of_pod(environ: Mapping[str, str], mounted: Path = SERVICE_ACCOUNT) -> Access:
    """The API server of the pod's cluster, without credentials. Raises AccessError outside of a
    pod that mounts its CA certificate."""
    host, port = environ.get("KUBERNETES_SERVICE_HOST"), environ.get("KUBERNETES_SERVICE_PORT")
    if not host or not port:
        raise AccessError(
            "not running in a pod: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set"
        )
    authority = mounted / "ca.crt"
    _check(authority)
    return Access(
        server=f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}",
        ca_file=str(authority),
        proxy=None if proxy_bypass(host) else getproxies().get("https"),
    )


def _check(file: Path) -> None:
    """Raises AccessError if a file of the service account is not there."""
    if not _read(file):
        raise AccessError(f"the pod mounts no service account: {file} is missing or empty")


def namespace_of_pod(mounted: Path = SERVICE_ACCOUNT) -> str:
    """The namespace of the pod we are in; `default` if that is not mounted."""
    return _read(mounted / "namespace") or "default"


def of_kubeconfig(path: str, context: str | None = None) -> Access:
    """The access by a context of a kubeconfig. Raises AccessError."""
    import kubernetes

    configuration = kubernetes.client.Configuration()
    read: Callable[..., None] = kubernetes.config.load_kube_config
    try:
        read(
            config_file=path,
            context=context,
            client_configuration=configuration,
            persist_config=False,
        )
    except kubernetes.config.ConfigException as error:
        raise AccessError(str(error)) from error
    return Access(
        server=configuration.host.rstrip("/"),
        authorization=lambda: _authorization(configuration),
        ca_file=configuration.ssl_ca_cert or None,
        insecure=not configuration.verify_ssl,
        certificate_file=configuration.cert_file or None,
        key_file=configuration.key_file or None,
        server_name=configuration.tls_server_name or None,
        proxy=configuration.proxy,
    )


def _authorization(configuration: Any) -> str | None:
    key = configuration.get_api_key_with_prefix("BearerToken", "authorization")
    return key.strip() if key else None


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
