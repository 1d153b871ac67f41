"""The cluster that a command works on: by the kubeconfig, by the pod's service account, or through
the REST API."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from orchestrator.cli.api_server import Api
from orchestrator.cli.clusters import DirectCluster, ServedCluster
from orchestrator.cli.history import History
from orchestrator.cli.impersonation import DEFAULT_PATH, Impersonation, configured
from orchestrator.session.cluster import READ_SECONDS, WATCH_SECONDS, Cluster, Raw
from orchestrator.session.errors import UsageError

__all__ = ["READ_SECONDS", "WATCH_SECONDS", "Cluster", "Raw", "Target"]

USER_AGENT = "User-Agent", "orchestrator-cli"


_FIX = "name one with --kubeconfig FILE, or the REST API with --server URL"
_FIX_CONTEXT = "`kubectl config get-contexts` lists the contexts"


@dataclass(frozen=True)
class Target:
    """The cluster and namespace that a command works on."""

    kubeconfig: str | None = None
    context: str | None = None
    namespace: str | None = None
    impersonation: Impersonation = field(default_factory=Impersonation)
    """The user, groups and uid of the impersonation flags, in addition to the kubeconfig."""
    api: Api | None = None
    """The API that is used instead of a kubeconfig."""
    command: str = ""
    """The command that works on it, for what messages propose to type."""

    def within(self, namespace: str | None) -> Target:
        """The same cluster, in another namespace if one is given."""
        return replace(self, namespace=namespace) if namespace else self

    def connect(self, *, timeout: float | None = None) -> Cluster:
        """Raises UsageError when there is no usable kubeconfig.

        In a pod without a kubeconfig it is the pod's service account, as for kubectl. `timeout`
        bounds each request, in seconds; otherwise CONNECT_SECONDS and READ_SECONDS do.
        """
        from orchestrator.kube.access import AccessError, namespace_of_pod, of_pod
        from orchestrator.kube.blocking_transport import BlockingTransport

        if self.api is not None:
            headers = [USER_AGENT, *self.impersonation.headers()]
            transport, namespace = self.api.connect(headers, timeout), self.namespace or "default"
            if self.impersonation.user:  # the routes act for the user of the token alone
                return Cluster(transport, namespace, timeout=timeout)
            history = History(self.api.routes(headers), timeout=timeout)
            return ServedCluster(transport, namespace, history, timeout=timeout)
        if not self._without_kubeconfig():
            return self._connect_by_kubeconfig(timeout)
        try:
            access = of_pod(os.environ)
        except AccessError as error:
            raise UsageError(f"no kubeconfig, and no service account: {error}") from error
        transport = BlockingTransport(access, [USER_AGENT, *self.impersonation.headers()])
        namespace = self.namespace or namespace_of_pod()
        return DirectCluster(transport, namespace, self.command, timeout=timeout)

    def _without_kubeconfig(self) -> bool:
        """Whether this is a pod, and nothing names or brings a kubeconfig."""
        named = self.kubeconfig or self.context or os.environ.get("KUBECONFIG")
        in_pod = os.environ.get("KUBERNETES_SERVICE_HOST")
        return bool(in_pod and not named and not Path(DEFAULT_PATH).expanduser().exists())

    def _connect_by_kubeconfig(self, timeout: float | None) -> Cluster:
        from kubernetes import config

        from orchestrator.kube.access import AccessError, of_kubeconfig
        from orchestrator.kube.blocking_transport import BlockingTransport

        path = self.kubeconfig or os.environ.get("KUBECONFIG") or DEFAULT_PATH
        try:
            access = of_kubeconfig(path, self.context)
            list_contexts: Any = config.list_kube_config_contexts
            every, active = list_contexts(path)
            below = configured(self.kubeconfig, self.context)
        except UsageError:
            raise
        except (AccessError, config.ConfigException) as error:
            words = f"no usable kubeconfig ({path}): {str(error).rstrip('.')}"
            raise UsageError(f"{words}; {_FIX_CONTEXT if self.context else _FIX}") from error
        except Exception as error:  # the loader assumes that the file is a kubeconfig
            words = " ".join(str(error).split())
            raise UsageError(f"the kubeconfig cannot be read: {words}") from error
        chosen = next((item for item in every if item["name"] == self.context), active)
        default = chosen.get("context", {}).get("namespace") or "default"
        headers = [USER_AGENT, *self.impersonation.over(below).headers()]
        transport = BlockingTransport(access, headers)
        namespace = self.namespace or default
        return DirectCluster(transport, namespace, self.command, timeout=timeout)
