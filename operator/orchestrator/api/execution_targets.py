"""Executions that a path names: on the cluster, otherwise in the history."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from orchestrator.api.history_cluster import ClusterWithHistory
from orchestrator.api.history_responses import HistoryUnavailableError, from_history
from orchestrator.api.identifiers import Target, is_uid, namespace_and_name
from orchestrator.api.problems import unread_history
from orchestrator.kube.resources import EXECUTIONS
from orchestrator.operations.records import is_from_history, removed
from orchestrator.session.cluster import Cluster, Raw
from orchestrator.session.errors import ConflictError, ForbiddenError, NotFoundError
from orchestrator.session.kinds import LATEST
from orchestrator.session.permission import require

Found = tuple[Cluster, Raw]


class ExecutionTarget(Target):
    """The execution that the path of a request names.

    A name means the object on the cluster, or else the newest that is recorded: they can be
    recorded in any number. A uid is exact.
    """

    def execution(self) -> Found:
        """The execution, and the cluster in its namespace; see `is_from_history`.

        Raises UsageError as `find` does, and ProblemError 503 if only the history could have it and
        cannot be read.
        """
        try:
            cluster, found = self.find(EXECUTIONS)
        except (NotFoundError, ForbiddenError) as error:
            recorded = self._recorded(error)
            if recorded is None:
                raise
            cluster, found = recorded
        else:
            found = self._newest(cluster, found)
        return self._with_history(cluster), found

    def changeable(self, verb: str) -> Found:
        """The execution, for a change that takes a verb.

        Raises ForbiddenError without it, and ConflictError if the object has been removed.
        """
        cluster, found = self.execution()
        require(cluster, verb)
        if is_from_history(found):
            raise ConflictError(removed(found))
        return cluster, found

    def _recorded(self, error: NotFoundError | ForbiddenError) -> Found | None:
        """What the history has of an execution that was not found, or that is named by its uid in
        a namespace that the caller does not know."""
        uid = is_uid(self.identifier)
        if self.caller.clients.history is None or (isinstance(error, ForbiddenError) and not uid):
            return None
        try:
            return self._by_uid() if uid else self._by_name()
        except HistoryUnavailableError as unavailable:
            if isinstance(error, ForbiddenError):
                return None
            raise unread_history(error, str(unavailable)) from unavailable

    def _by_uid(self) -> Found | None:
        history, rights = self.caller.clients.history, self.caller.clients.rights
        recorded = None if history is None else history.get(self.identifier)
        if recorded is None:
            return None
        cluster = self.caller.cluster(recorded["metadata"]["namespace"])
        if not rights.allows(cluster, "get", EXECUTIONS):
            return None
        live = cluster.find(EXECUTIONS, recorded["metadata"]["name"])
        if live is not None and live["metadata"]["uid"] == self.identifier:
            return cluster, live
        return cluster, from_history(recorded)

    def _by_name(self) -> Found | None:
        namespace, name = namespace_and_name(self.identifier, self.namespace)
        cluster, history = self.caller.cluster(namespace), self.caller.clients.history
        self.caller.clients.rights.require(cluster, "get", EXECUTIONS)
        if history is None:
            return None
        found = history.newest(namespace) if name == LATEST else history.get_named(namespace, name)
        return None if found is None else (cluster, from_history(found))

    def _newest(self, cluster: Cluster, found: Raw) -> Raw:
        """Of `@latest`, the recorded one if it is newer than all that are on the cluster."""
        history = self.caller.clients.history
        if history is None or is_uid(self.identifier):
            return found
        if namespace_and_name(self.identifier, self.namespace)[1] != LATEST:
            return found
        if not self.caller.clients.rights.allows(cluster, "get", EXECUTIONS):
            return found
        try:
            recorded = history.newest(cluster.namespace)
        except HistoryUnavailableError:
            return found
        if recorded is None or _created(recorded) <= _created(found):
            return found
        return from_history(recorded)

    def _with_history(self, cluster: Cluster) -> Cluster:
        history = self.caller.clients.history
        return cluster if history is None else ClusterWithHistory.of(cluster, history)


ExecutionOf = Annotated[ExecutionTarget, Depends()]


def _created(execution: Raw) -> str:
    return str(execution["metadata"].get("creationTimestamp", ""))
