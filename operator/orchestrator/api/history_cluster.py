"""A cluster whose frozen workflows are still there after the cluster has removed them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.api.history_responses import HistoryUnavailableError, from_history
from orchestrator.kube.resources import CONTROLLER_REVISIONS, Resource
from orchestrator.session.cluster import Cluster, Raw

if TYPE_CHECKING:  # without a history, SQLAlchemy need not be installed
    from orchestrator.api.history_reader import HistoryReader


class ClusterWithHistory(Cluster):
    """The objects of a cluster, and the revisions of the history.

    The API server is asked first, with the caller's token: only where it allows to get a revision,
    but has none, the history is read.
    """

    _history: HistoryReader

    @classmethod
    def of(cls, cluster: Cluster, history: HistoryReader) -> ClusterWithHistory:
        """The same cluster and namespace, with a history."""
        made = cls(cluster._transport, cluster.namespace, timeout=cluster._timeout)
        made._history = history
        return made

    def find(self, kind: Resource, name: str) -> Raw | None:
        """One object, or None."""
        found = super().find(kind, name)
        if found is not None or kind is not CONTROLLER_REVISIONS:
            return found
        try:
            return recorded_revision(self._history, self.namespace, name)
        except HistoryUnavailableError:
            return None


def recorded_revision(history: HistoryReader, namespace: str, name: str) -> Raw | None:
    """A revision of the history as an object; None if it is not recorded.

    Raises HistoryUnavailableError.
    """
    data = history.revision(namespace, name)
    if data is None:
        return None
    return from_history(
        {
            "apiVersion": CONTROLLER_REVISIONS.api_version,
            "kind": CONTROLLER_REVISIONS.kind,
            "metadata": {"name": name, "namespace": namespace},
            "data": data,
        }
    )
