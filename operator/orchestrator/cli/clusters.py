"""The cluster as a command sees it: through the REST API with its history, or without it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from orchestrator.cli.history import History
from orchestrator.kube.resources import EXECUTIONS, Resource
from orchestrator.models.base import DNS_SUBDOMAIN_PATTERN
from orchestrator.session.cluster import Cluster, Raw
from orchestrator.session.errors import NotFoundError
from orchestrator.session.kinds import LATEST, name_in

if TYPE_CHECKING:
    from orchestrator.kube.blocking_transport import BlockingTransport

_COMMANDS = {
    "get": "get awfx/",
    "graph": "graph awfx/",
    "logs": "logs ",
    "watch": "watch ",
    "wait": "wait ",
    "rerun": "rerun ",
}
"""How the commands that read executions of the history name one. The others change something: what
has ended is explained instead."""


class ServedCluster(Cluster):
    """The objects of a cluster through the REST API; an execution that it does not have any more
    is read from the history."""

    def __init__(
        self,
        transport: BlockingTransport,
        namespace: str,
        history: History,
        *,
        timeout: float | None = None,
    ) -> None:
        super().__init__(transport, namespace, timeout=timeout)
        self.history = history

    def get(self, kind: Resource, word: str) -> Raw:
        """As of Cluster. `find` does not read the history: by it, commands see whether a name is
        free."""
        name = name_in(kind, word)
        if kind is EXECUTIONS and (name == LATEST or re.fullmatch(DNS_SUBDOMAIN_PATTERN, name)):
            found = None if name == LATEST else self.find(kind, name)
            found = found or self.history.execution(self.namespace, name)
            if found is not None:
                return found
        return super().get(kind, name)


class DirectCluster(Cluster):
    """The objects of a cluster; where an execution is missing, the error names the history."""

    def __init__(
        self,
        transport: BlockingTransport,
        namespace: str,
        command: str,
        *,
        timeout: float | None = None,
    ) -> None:
        """`command` is the one that runs, such as `logs`."""
        super().__init__(transport, namespace, timeout=timeout)
        self._command = command

    def get(self, kind: Resource, word: str) -> Raw:
        """As of Cluster."""
        try:
            return super().get(kind, word)
        except NotFoundError as error:
            name = name_in(kind, word)
            if kind is not EXECUTIONS or name == LATEST:
                raise
            words = f"{error}\nif it has been removed, {self.in_history(name)}"
            raise NotFoundError(words) from error

    def in_history(self, name: str) -> str:
        """How to read an execution from the history by the same command."""
        called = _COMMANDS.get(self._command, "explain ")
        command = f"orchestrator --server URL -n {self.namespace} {called}{name}"
        return f"the history may have it; read it through the REST API:\n  {command}"


def history_of(cluster: Cluster) -> History | None:
    """The history behind the REST API; None if the command does not work through it."""
    return cluster.history if isinstance(cluster, ServedCluster) else None
