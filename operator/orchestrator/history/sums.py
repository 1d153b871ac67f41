"""The sums that executions add to their days, and take away when they are removed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Table, and_, delete, or_
from sqlalchemy.ext.asyncio import AsyncConnection

from orchestrator.history.database import insert_into
from orchestrator.history.duration_buckets import bucket_of, day_of
from orchestrator.history.entry import NodeTime
from orchestrator.history.tables import DAYS, NODE_DAYS

_DAY_KEY = ("day", "namespace", "workflow", "phase", "bucket")
_NODE_KEY = ("day", "namespace", "workflow", "phase", "node", "approval")
_STATEMENT_ROWS = 500
"""Rows of one statement: SQLite and PostgreSQL bound the parameters."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What of an execution is counted."""

    namespace: str
    workflow: str
    phase: str
    finished_at: int
    duration: int | None
    forbidden: bool
    nodes: Sequence[NodeTime]


async def add(connection: AsyncConnection, executions: Iterable[Counted], sign: int) -> None:
    """Add the executions to their days, or with the sign -1 take them away."""
    days: dict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0, 0, 0])
    nodes: dict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0, 0])
    for one in executions:
        place = day_of(one.finished_at), one.namespace, one.workflow, one.phase
        day = days[(*place, bucket_of(one.duration))]
        day[0] += sign
        day[1] += sign * one.forbidden
        day[2] += sign * (one.duration or 0)
        for node in one.nodes:
            sums = nodes[(*place, node.node, int(node.approval))]
            sums[0] += sign
            sums[1] += sign * node.duration
    await _upsert(connection, DAYS, _DAY_KEY, ("runs", "forbidden", "duration"), days)
    await _upsert(connection, NODE_DAYS, _NODE_KEY, ("runs", "duration"), nodes)


async def _upsert(
    connection: AsyncConnection,
    table: Table,
    key: tuple[str, ...],
    sums: tuple[str, ...],
    changes: dict[tuple[Any, ...], list[int]],
) -> None:
    # In one order, so that two writers cannot wait for each other.
    rows = [
        dict(zip((*key, *sums), (*place, *values), strict=True))
        for place, values in sorted(changes.items())
    ]
    for start in range(0, len(rows), _STATEMENT_ROWS):
        statement = insert_into(connection, table).values(rows[start : start + _STATEMENT_ROWS])
        added = {name: table.c[name] + statement.excluded[name] for name in sums}
        await connection.execute(
            statement.on_conflict_do_update(index_elements=list(key), set_=added)
        )
    emptied = [row for row in rows if row["runs"] < 0]
    for start in range(0, len(emptied), _STATEMENT_ROWS // len(key)):
        places = emptied[start : start + _STATEMENT_ROWS // len(key)]
        at = or_(*(and_(*(table.c[name] == row[name] for name in key)) for row in places))
        await connection.execute(delete(table).where(table.c.runs <= 0, at))
