"""The revisions of a Workflow that executions run, on the cluster or in the history."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orchestrator.api.clients import Caller
from orchestrator.api.execution_listing import brief
from orchestrator.api.history_cluster import ClusterWithHistory
from orchestrator.api.history_responses import HistoryUnavailableError, from_history
from orchestrator.api.identifiers import Target, is_uid, namespace_and_name
from orchestrator.api.problems import unread_history
from orchestrator.engine.times import to_rfc3339
from orchestrator.kube.resources import CONTROLLER_REVISIONS, EXECUTIONS, WORKFLOWS
from orchestrator.models.base import DNS_SUBDOMAIN_PATTERN
from orchestrator.session.cluster import Cluster, Raw
from orchestrator.session.errors import NotFoundError

if TYPE_CHECKING:  # without a history, SQLAlchemy need not be installed
    from orchestrator.history.revision_uses import RecordedUse


@dataclass(frozen=True)
class Revisions:
    """The revisions of a Workflow, and the cluster in its namespace."""

    cluster: Cluster
    workflow: str
    uses: dict[str, Raw] = field(default_factory=dict)
    """By name: when executions that run it were first and last created, and how many there are."""
    unavailable: str = ""
    """Why the history is left out."""

    def newest_first(self) -> list[Raw]:
        """By their first use."""
        return sorted(self.uses.values(), key=lambda use: (use["firstUsed"], use["name"]))[::-1]

    def read(self, name: str) -> Raw:
        """A revision with its data. Raises UsageError, and ProblemError 503 if only the history
        could have it and cannot be read."""
        raw = self.cluster.find(CONTROLLER_REVISIONS, name) if name in self.uses else None
        if raw is not None:
            # The history keeps no time of creation.
            created = raw["metadata"].get("creationTimestamp") or self.uses[name]["firstUsed"]
            return {**raw, "metadata": {**raw["metadata"], "creationTimestamp": created}}
        absent = NotFoundError(f"no execution of {self.workflow} runs a revision {name}")
        if self.unavailable:
            raise unread_history(absent, self.unavailable)
        raise absent


def revisions_of(target: Target) -> Revisions:
    """The revisions of the Workflow that a path names; with a history, it may have been deleted.

    Raises UsageError, and ProblemError 503 if only the history could have it and cannot be read.
    """
    caller = target.caller
    history = caller.clients.history
    absent: NotFoundError | None = None
    try:
        cluster, found = target.find(WORKFLOWS)
        workflow = str(found["metadata"]["name"])
    except NotFoundError as error:
        if history is None or is_uid(target.identifier):
            raise
        namespace, workflow = namespace_and_name(target.identifier, target.namespace)
        if not re.fullmatch(DNS_SUBDOMAIN_PATTERN, workflow):  # `@latest`, or what is no name
            raise
        cluster, absent = caller.cluster(namespace), error
    query = {"fieldSelector": f"spec.workflow={workflow}"}
    executions = [*cluster.list_in_part(EXECUTIONS, brief, query=query)]
    if history is None:
        return Revisions(cluster, workflow, _live(executions))
    uses, reason = _live(executions), ""
    try:
        _add(uses, _recorded(caller, cluster, workflow, executions))
    except HistoryUnavailableError as error:
        reason = str(error)
    if absent is not None and not uses:
        raise unread_history(absent, reason) if reason else absent
    return Revisions(ClusterWithHistory.of(cluster, history), workflow, uses, reason)


def _live(executions: Iterable[Raw]) -> dict[str, Raw]:
    uses: dict[str, Raw] = {}
    for execution in sorted(executions, key=_created):
        if revision := (execution.get("status") or {}).get("revision"):
            created = _created(execution)
            first = {"name": revision, "firstUsed": created, "executions": 0}
            use = uses.setdefault(revision, first)
            use |= {"lastUsed": created, "executions": use["executions"] + 1}
    return uses


def _recorded(
    caller: Caller, cluster: Cluster, workflow: str, executions: list[Raw]
) -> list[RecordedUse]:
    """Those of recorded executions that the cluster does not have."""
    history = caller.clients.history
    assert history is not None
    if not caller.clients.rights.allows(cluster, "list", EXECUTIONS):
        raise HistoryUnavailableError("you may not list workflowexecutions")
    without = {one["metadata"]["uid"] for one in executions}
    without.update(history.restored(executions).values())
    return history.revision_uses(cluster.namespace, workflow, without)


def _add(uses: dict[str, Raw], recorded: Iterable[RecordedUse]) -> None:
    for more in recorded:
        first, last = _time(more.first), _time(more.last)
        use = uses.get(more.name)
        if use is None:
            found = {"name": more.name, "firstUsed": first, "lastUsed": last}
            uses[more.name] = from_history({**found, "executions": more.executions})
            continue
        use["firstUsed"] = min(use["firstUsed"], first)
        use["lastUsed"] = max(use["lastUsed"], last)
        use["executions"] += more.executions


def _time(milliseconds: int) -> str:
    """As the API server writes it: in whole seconds."""
    return f"{to_rfc3339(milliseconds / 1000)[:19]}Z"


def _created(execution: Raw) -> str:
    return str(execution["metadata"].get("creationTimestamp", ""))
