"""Sums over a period for figures in which the objects of a cluster count as well, each execution
once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from orchestrator.history.cells import cells, sums
from orchestrator.history.database import snapshot
from orchestrator.history.figures import of_figures, of_nodes
from orchestrator.history.percentiles import percentiles
from orchestrator.history.selection import Selection, conditions
from orchestrator.history.tables import EXECUTIONS, NODE_DAYS
from orchestrator.history.uids import recorded_among


@dataclass(frozen=True, slots=True)
class Group:
    """Recorded executions of a workflow that ended in one phase. Durations are in milliseconds."""

    namespace: str
    workflow: str
    phase: str
    runs: int
    forbidden: int
    """Those that a concurrency limit refused."""
    started: int
    duration: int


@dataclass(frozen=True, slots=True)
class NodeGroup:
    """Recorded runs of a node; `approval` if it waits for people."""

    namespace: str
    workflow: str
    node: str
    approval: bool
    runs: int
    duration: int


@dataclass(frozen=True, slots=True)
class Latest:
    """A recorded execution. Times are in milliseconds since the epoch."""

    uid: str
    name: str
    phase: str
    reason: str
    started_at: int | None
    finished_at: int


@dataclass(frozen=True, slots=True)
class Sums:
    """The recorded executions of a period."""

    recorded: frozenset[str]
    """Those of the live executions that are recorded: they count here."""
    groups: tuple[Group, ...]
    nodes: tuple[NodeGroup, ...]
    percentiles: Mapping[int, float]
    """Seconds by percent, with the live executions that are not recorded."""
    latest: tuple[Latest, ...]
    """The one that ended last, and of those that had started as many as was asked for."""


async def sums_with_live(
    engine: AsyncEngine,
    selection: Selection,
    live: Mapping[str, int | None],
    latest: int = 0,
) -> Sums:
    """The sums of a period, and which live executions they contain.

    `live` has the uids of the cluster's executions, each with its duration in milliseconds if it
    counts in percentiles. Raises UnavailableError.
    """
    selection = of_figures(selection)
    async with snapshot(engine) as connection:
        recorded = await recorded_among(connection, live)
        others = [
            duration
            for uid, duration in live.items()
            if duration is not None and uid not in recorded
        ]
        groups, buckets = await _groups(connection, selection)
        return Sums(
            recorded,
            groups,
            await _nodes(connection, selection),
            await percentiles(connection, selection, buckets, others),
            await _latest(connection, selection, latest) if latest else (),
        )


async def _groups(
    connection: AsyncConnection, selection: Selection
) -> tuple[tuple[Group, ...], dict[int, int]]:
    """The groups, and how many executions each bucket has."""
    found = cells(selection)
    keys = found.c.namespace, found.c.workflow, found.c.phase, found.c.bucket
    query = select(*keys, *sums(found)).group_by(*keys)
    groups: dict[tuple[str, str, str], list[int]] = {}
    buckets: dict[int, int] = {}
    for row in await connection.execute(query):
        added = [int(value) for value in row[4:]]
        buckets[row[3]] = buckets.get(row[3], 0) + added[0]
        total = groups.setdefault((row[0], row[1], row[2]), [0, 0, 0, 0])
        total[:] = map(sum, zip(total, added, strict=True))
    return tuple(Group(*key, *total) for key, total in sorted(groups.items())), buckets


async def _nodes(connection: AsyncConnection, selection: Selection) -> tuple[NodeGroup, ...]:
    table = NODE_DAYS.c
    keys = table.namespace, table.workflow, table.node, table.approval
    query = select(*keys, func.sum(table.runs), func.sum(table.duration))
    rows = await connection.execute(query.where(*of_nodes(selection)).group_by(*keys))
    return tuple(NodeGroup(*row[:3], bool(row[3]), int(row[4]), int(row[5])) for row in rows)


async def _latest(
    connection: AsyncConnection, selection: Selection, count: int
) -> tuple[Latest, ...]:
    table = EXECUTIONS.c
    columns = table.uid, table.name, table.phase, table.reason, table.started_at, table.finished_at
    query = select(*columns).where(*conditions(selection))
    query = query.order_by(table.finished_at.desc(), table.uid.desc())
    started = query.where(table.started_at.is_not(None))
    rows = [
        *await connection.execute(query.limit(1)),
        *await connection.execute(started.limit(count)),
    ]
    return tuple({row.uid: Latest(*row) for row in rows}.values())
