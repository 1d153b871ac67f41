"""Executions in the history of a test, and objects that retention has removed."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from orchestrator.engine.lifecycle.revision import Revision, freeze
from orchestrator.history.entry import approvals_of, entry_from
from orchestrator.history.store import Store
from orchestrator.kube.resources import EXECUTIONS
from orchestrator.models.workflow import WorkflowSpec
from tests.databases import new_database
from tests.kube import Kubectl
from tests.postgresql import PostgresqlServer

Raw = dict[str, Any]


class RecordedHistory:
    """A database, in which a test records executions as the recorder does."""

    def __init__(self, server: PostgresqlServer, folder: Path) -> None:
        self.url = new_database(server)
        self.file = folder / "database"
        """Contains the URL."""
        self.file.write_text(self.url)
        asyncio.run(self._with(Store.migrate))

    def record(self, *executions: Raw, revision: Revision | None = None) -> None:
        """Record ended executions, which ran the revision."""
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

    async def _with(self, use: Any) -> None:
        store = Store(self.url)
        try:
            await use(store)
        finally:
            await store.close()


def frozen(workflow: str, spec: Raw) -> Revision:
    """The revision of a Workflow without actions."""
    return freeze(workflow, WorkflowSpec.model_validate(spec), {}, "runner")


def end(operator: Kubectl, name: str, status: Raw) -> Raw:
    """End an execution as the operator does; the object."""
    return operator.api.merge(EXECUTIONS, operator.namespace, name, {"status": status}, "status")


def delete(admin: Kubectl, name: str) -> None:
    """Delete an execution."""
    admin.api.delete(EXECUTIONS, admin.namespace, name, {})
