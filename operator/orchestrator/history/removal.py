"""The history's own retention: the oldest executions go first, with all that is theirs."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, exists, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from orchestrator.history.database import insert_into, transaction
from orchestrator.history.entry import nodes_of
from orchestrator.history.logs.log_retention import expire_of
from orchestrator.history.sums import Counted, add
from orchestrator.history.tables import DAYS, DOCUMENTS, EXECUTIONS, HORIZON, REVISIONS
from orchestrator.models.reasons import Reason

BATCH = 200
"""Executions that are removed in one transaction."""
_COUNTED = ("uid", "namespace", "workflow", "phase", "reason", "revision", "finished_at",
            "duration")  # fmt: skip


async def remove_before(engine: AsyncEngine, moment: int) -> int:
    """Remove the executions that ended before a moment, in milliseconds since the epoch; their
    number. Raises UnavailableError."""
    total = 0
    while removed := await _remove(engine, BATCH, EXECUTIONS.c.finished_at < moment):
        total += removed
    return total


async def remove_beyond(engine: AsyncEngine, count: int) -> int:
    """Keep this number of the newest executions, and remove the others; returns how many.

    Raises UnavailableError.
    """
    async with transaction(engine) as connection:
        stored = await connection.execute(select(func.coalesce(func.sum(DAYS.c.runs), 0)))
        surplus = int(stored.scalar_one()) - count
    total = 0
    while total < surplus:
        removed = await _remove(engine, min(BATCH, surplus - total))
        if not removed:
            break
        total += removed
    return total


async def horizon(engine: AsyncEngine) -> int | None:
    """The latest end, in milliseconds, of an execution that was removed; None if none was.

    Raises UnavailableError.
    """
    async with transaction(engine) as connection:
        return (await connection.execute(select(HORIZON.c.finished_at))).scalar()


async def _remove(engine: AsyncEngine, limit: int, *where: Any) -> int:
    query = (
        select(*(EXECUTIONS.c[name] for name in _COUNTED), DOCUMENTS.c.body)
        .join(DOCUMENTS, EXECUTIONS.c.uid == DOCUMENTS.c.uid)
        .where(*where)
        .order_by(EXECUTIONS.c.finished_at, EXECUTIONS.c.uid)
        .limit(limit)
    )
    async with transaction(engine) as connection:
        rows = {row.uid: row for row in await connection.execute(query)}
        if not rows:
            return 0
        gone = delete(EXECUTIONS).where(EXECUTIONS.c.uid.in_(sorted(rows)))
        result = await connection.execute(gone.returning(EXECUTIONS.c.uid))
        # Another replica may have removed some since.
        removed = [rows[uid] for uid in result.scalars().all()]
        if removed:
            await add(connection, map(_counted, removed), -1)
            await _remove_revisions(connection, {(row.namespace, row.revision) for row in removed})
            await expire_of(connection, {(row.namespace, row.uid) for row in removed})
            await _move_horizon(connection, max(row.finished_at for row in removed))
    return len(rows)


async def _remove_revisions(connection: AsyncConnection, keys: set[tuple[str, str]]) -> None:
    """Remove those of the revisions that no execution refers to any more."""
    columns = REVISIONS.c.namespace, REVISIONS.c.name
    used = exists().where(
        EXECUTIONS.c.namespace == REVISIONS.c.namespace, EXECUTIONS.c.revision == REVISIONS.c.name
    )
    await connection.execute(delete(REVISIONS).where(tuple_(*columns).in_(sorted(keys)), ~used))


async def _move_horizon(connection: AsyncConnection, latest: int) -> None:
    statement = insert_into(connection, HORIZON).values(id=1, finished_at=latest)
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=["id"],
            set_={"finished_at": statement.excluded.finished_at},
            where=HORIZON.c.finished_at < statement.excluded.finished_at,
        )
    )


def _counted(row: Any) -> Counted:
    forbidden = row.reason == Reason.CONCURRENCY_FORBIDDEN
    return Counted(
        row.namespace, row.workflow, row.phase, row.finished_at, row.duration, forbidden,
        nodes_of(row.body),
    )  # fmt: skip
