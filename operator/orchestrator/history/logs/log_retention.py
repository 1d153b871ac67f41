"""Removes logs: first their rows are marked, then their objects go, and then the rows."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import delete, exists, func, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from orchestrator.history.database import transaction
from orchestrator.history.logs.bucket import LogBucket
from orchestrator.history.logs.log_store import IDENTITY, folder_of, identity_of
from orchestrator.history.tables import EXECUTIONS, LOGS

BATCH = 100
"""Logs that are removed in one transaction."""


class LogRetention:
    """Every method raises UnavailableError while the database or the bucket cannot be used."""

    def __init__(self, engine: AsyncEngine, bucket: LogBucket | None = None) -> None:
        self._engine = engine
        self._bucket = bucket

    async def expire_before(self, moment: int) -> None:
        """Mark for removal what ended before a moment, in milliseconds since the epoch."""
        async with transaction(self._engine) as connection:
            old = update(LOGS).where(LOGS.c.ended_at < moment, LOGS.c.expired == 0)
            await connection.execute(old.values(expired=1))

    async def orphans(self, moment: int, limit: int) -> list[tuple[str, str]]:
        """Namespaces and uids of executions that are not recorded, whose logs ended before a
        moment. Any of them, so that those that are still there do not hide the others."""
        recorded = exists().where(
            EXECUTIONS.c.uid == LOGS.c.execution_uid, EXECUTIONS.c.namespace == LOGS.c.namespace
        )
        found = (
            select(LOGS.c.namespace, LOGS.c.execution_uid)
            .where(LOGS.c.ended_at < moment, LOGS.c.expired == 0, ~recorded)
            .distinct()
            .subquery()
        )
        query = select(found).order_by(func.random()).limit(limit)
        async with transaction(self._engine) as connection:
            rows = await connection.execute(query)
            return [(row.namespace, row.execution_uid) for row in rows]

    async def expire_executions(self, executions: Collection[tuple[str, str]]) -> None:
        """Mark the logs of executions for removal, by their namespaces and uids."""
        if executions:
            async with transaction(self._engine) as connection:
                await expire_of(connection, executions)

    async def remove_expired(self) -> int:
        """Remove what is marked for removal; the number of logs."""
        total = 0
        query = select(*IDENTITY).where(LOGS.c.expired == 1).limit(BATCH)
        while True:
            async with transaction(self._engine) as connection:
                found = [identity_of(row) for row in await connection.execute(query)]
            if not found:
                return total
            if self._bucket is not None:
                for identity in found:
                    await self._bucket.remove_all(folder_of(identity))
            async with transaction(self._engine) as connection:
                uids = [identity.pod_uid for identity in found]
                await connection.execute(delete(LOGS).where(LOGS.c.pod_uid.in_(uids)))
            total += len(found)


async def expire_of(connection: AsyncConnection, executions: Collection[tuple[str, str]]) -> None:
    """Mark the logs of executions for removal, by namespace and uid, in the transaction that
    removes these. The uid is a label of a pod, which a pod of another namespace may have, too."""
    own = tuple_(LOGS.c.namespace, LOGS.c.execution_uid).in_(sorted(executions))
    await connection.execute(update(LOGS).where(own).values(expired=1))
