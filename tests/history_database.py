"""A database of the history, and executions recorded in it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from orchestrator.engine.lifecycle.revision import Revision, freeze
from orchestrator.history.entry import approvals_of, entry_from
from orchestrator.history.logs.extent import Limit
from orchestrator.history.logs.kept_log import LogIdentity, Outcome
from orchestrator.history.logs.log_metrics import LogMetrics
from orchestrator.history.logs.log_store import LogStore
from orchestrator.history.logs.writer import LogWriter
from orchestrator.history.store import Store
from orchestrator.kube.resources import EXECUTIONS
from orchestrator.models.workflow import WorkflowSpec
from tests.databases import new_database
from tests.kube import Kubectl
from tests.postgresql import PostgresqlServer

Raw = dict[str, Any]


class HistoryDatabase:
    """A database in which tests record executions as the recorder does."""

    def __init__(self, server: PostgresqlServer, folder: Path) -> None:
        self.url = new_database(server)
        self.file = folder / "database"
        """Contains the URL."""
        self.file.write_text(self.url)
        asyncio.run(self._with(Store.migrate))

    def record(self, *executions: Raw, revision: Revision | None = None) -> None:
        """Record ended executions of the revision."""
        data = {} if revision is None else revision.data
        entries = [entry_from(raw, approvals_of(data)) for raw in executions]
        revisions = {
            (raw["metadata"]["namespace"], revision.name): data
            for raw in executions
            if revision is not None
        }

        async def record(store: Store) -> None:
            await store.record([entry for entry in entries if entry is not None], revisions)

        asyncio.run(self._with(record))

    def keep_log(self, execution: Raw, node: str, *lines: str) -> None:
        """Store the log of a deleted pod of the node; each line begins with its timestamp."""
        metadata = execution["metadata"]
        uid, namespace = metadata["uid"], metadata["namespace"]
        identity = LogIdentity(f"pod-{uid}-{node}", uid, namespace, "pod", node, 1, None, 1000)
        asyncio.run(self._with(lambda store: keep_log(store, identity, lines)))

    async def _with(self, use: Any) -> None:
        store = Store(self.url)
        try:
            await use(store)
        finally:
            await store.close()


async def keep_log(
    store: Store,
    identity: LogIdentity,
    lines: Iterable[str],
    outcome: Outcome = Outcome.COMPLETE,
    reason: str = "",
    *,
    failed: bool = False,
) -> None:
    """Store a log as the recorder does."""
    limit, metrics = Limit(150_000, 1), LogMetrics(CollectorRegistry())
    writer = LogWriter(LogStore(store.engine), identity, limit, metrics)
    await writer.open()
    writer.begin()
    writer.feed("".join(f"{line}\n" for line in lines).encode())
    writing = asyncio.create_task(writer.run())
    await writer.finish(writing, outcome, reason, 2000, failed)
    await asyncio.gather(writing, return_exceptions=True)


def revision_of(workflow: str, spec: Raw) -> Revision:
    """The revision of a Workflow without actions."""
    return freeze(workflow, WorkflowSpec.model_validate(spec), {}, "runner")


def end(operator: Kubectl, name: str, status: Raw) -> Raw:
    """End an execution with the operator's rights; returns the object."""
    return operator.api.merge(EXECUTIONS, operator.namespace, name, {"status": status}, "status")


def delete(admin: Kubectl, name: str) -> None:
    """Delete an execution."""
    admin.api.delete(EXECUTIONS, admin.namespace, name, {})
