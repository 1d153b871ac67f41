"""The revisions that recorded executions ran."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from orchestrator.history.database import transaction
from orchestrator.history.tables import EXECUTIONS
from orchestrator.history.uids import is_among


@dataclass(frozen=True, slots=True)
class RecordedUse:
    """A revision, and the recorded executions that ran it. Times are in milliseconds since the
    epoch."""

    name: str
    first: int
    """When the first of them was created."""
    last: int
    executions: int


async def recorded_uses(
    engine: AsyncEngine, namespace: str, workflow: str, without: Collection[str]
) -> list[RecordedUse]:
    """The revisions of a Workflow, without the executions of some uids. Raises UnavailableError."""
    table = EXECUTIONS.c
    async with transaction(engine) as connection:
        query = select(
            table.revision, func.min(table.created_at), func.max(table.created_at), func.count()
        ).where(table.namespace == namespace, table.workflow == workflow, table.revision != "")
        if without:
            query = query.where(~is_among(connection, without))
        rows = await connection.execute(query.group_by(table.revision))
        return [RecordedUse(*row) for row in rows]
