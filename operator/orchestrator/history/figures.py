"""The figures of a dashboard: over executions that ended in a period.

They are those that the executions themselves would give. Figures of nodes are the exception: they
cover all days (UTC) that the period touches.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from orchestrator.history.cells import cells, sums, within
from orchestrator.history.database import snapshot
from orchestrator.history.duration_buckets import DAY
from orchestrator.history.percentiles import percentiles
from orchestrator.history.selection import Selection
from orchestrator.history.tables import NODE_DAYS
from orchestrator.models.execution import ExecutionPhase

MAX_GROUPS = 100
"""Workflows or nodes of a figure."""


@dataclass(frozen=True, slots=True)
class Runs:
    """Executions that ended. The duration is in seconds."""

    total: int
    phases: dict[str, int]
    """Executions by phase."""
    success_rate: float | None
    """Succeeded among all, without those that a concurrency limit refused; None without any."""
    average: float | None
    """Average duration; None if none has started."""


@dataclass(frozen=True, slots=True)
class NodeFigure:
    """A node of a workflow. Its duration is in seconds, retries and waits included."""

    namespace: str
    workflow: str
    node: str
    runs: int
    average: float


@dataclass(frozen=True, slots=True)
class Waiting:
    """Time that approvals waited for people, in seconds."""

    approvals: int
    total: float
    average: float | None


@dataclass(frozen=True, slots=True)
class Figures:
    """A dashboard."""

    runs: Runs
    percentiles: dict[int, float]
    """Durations in seconds by percent, by nearest rank; empty if none has started."""
    slowest: tuple[NodeFigure, ...]
    """By the average duration, without approvals."""
    waiting: Waiting


@dataclass(frozen=True, slots=True)
class _Sum:
    """Executions of one phase."""

    phase: str
    runs: int
    forbidden: int
    started: int
    duration: int
    """Of those that started, in milliseconds."""


async def figures(engine: AsyncEngine, selection: Selection, *, slowest: int = 10) -> Figures:
    """All figures of a selection, of which namespaces, workflow, phase and period count.

    Raises UnavailableError.
    """
    selection = of_figures(selection)
    found = cells(selection)
    keys = found.c.bucket, found.c.phase
    async with snapshot(engine) as connection:
        rows = (await connection.execute(select(*keys, *sums(found)).group_by(*keys))).all()
        buckets: dict[int, int] = {}
        for row in rows:
            buckets[row[0]] = buckets.get(row[0], 0) + int(row[2])
        return Figures(
            _runs(_sum(row[1:]) for row in rows),
            await percentiles(connection, selection, buckets),
            await _slowest(connection, selection, min(slowest, MAX_GROUPS)),
            await _waiting(connection, selection),
        )


async def by_workflow(engine: AsyncEngine, selection: Selection) -> dict[tuple[str, str], Runs]:
    """The executions of each workflow, by namespace and name: of those that ran most, at most
    MAX_GROUPS. Raises UnavailableError."""
    found = cells(of_figures(selection))
    keys = found.c.namespace, found.c.workflow, found.c.phase
    async with snapshot(engine) as connection:
        rows = (await connection.execute(select(*keys, *sums(found)).group_by(*keys))).all()
    groups: dict[tuple[str, str], list[_Sum]] = {}
    for row in rows:
        groups.setdefault((row[0], row[1]), []).append(_sum(row[2:]))
    runs = {key: _runs(group) for key, group in groups.items()}
    most = sorted(runs, key=lambda key: (-runs[key].total, key))[:MAX_GROUPS]
    return {key: runs[key] for key in most}


async def by_day(engine: AsyncEngine, selection: Selection) -> dict[int, Runs]:
    """The executions of each day with any, by its beginning (UTC) in milliseconds since the epoch.

    Raises UnavailableError.
    """
    found = cells(of_figures(selection))
    keys = found.c.day, found.c.phase
    async with snapshot(engine) as connection:
        rows = (await connection.execute(select(*keys, *sums(found)).group_by(*keys))).all()
    days: dict[int, list[_Sum]] = {}
    for row in rows:
        days.setdefault(int(row[0]) * DAY, []).append(_sum(row[1:]))
    return {day: _runs(days[day]) for day in sorted(days)}


def of_figures(selection: Selection) -> Selection:
    """The selection as far as figures are kept for it."""
    return replace(selection, trigger=None, requester=None, labels={}, text="")


def _sum(row: Sequence[Any]) -> _Sum:
    return _Sum(row[0], *map(int, row[1:]))  # the sums of PostgreSQL are Decimals


def _runs(groups: Iterable[_Sum]) -> Runs:
    phases: dict[str, int] = {}
    total = forbidden = started = duration = 0
    for group in groups:
        phases[group.phase] = phases.get(group.phase, 0) + group.runs
        total += group.runs
        forbidden += group.forbidden
        started += group.started
        duration += group.duration
    rated, succeeded = total - forbidden, phases.get(ExecutionPhase.SUCCEEDED.value, 0)
    return Runs(
        total,
        dict(sorted(phases.items())),
        round(succeeded / rated, 4) if rated else None,
        _average(duration, started),
    )


async def _slowest(
    connection: AsyncConnection, selection: Selection, limit: int
) -> tuple[NodeFigure, ...]:
    table = NODE_DAYS.c
    keys = table.namespace, table.workflow, table.node
    runs, duration = func.sum(table.runs), func.sum(table.duration)
    slowness = (duration * 1.0 / runs).desc()
    query = (
        select(*keys, runs, duration)
        .where(*of_nodes(selection), table.approval == 0)
        .group_by(*keys)
        .order_by(slowness, *keys)
        .limit(limit)
    )
    return tuple(
        NodeFigure(*row[:3], int(row[3]), _average(int(row[4]), int(row[3])) or 0.0)
        for row in await connection.execute(query)
    )


async def _waiting(connection: AsyncConnection, selection: Selection) -> Waiting:
    table = NODE_DAYS.c
    query = select(func.sum(table.runs), func.sum(table.duration))
    row = (await connection.execute(query.where(*of_nodes(selection), table.approval == 1))).one()
    runs, duration = int(row[0] or 0), int(row[1] or 0)
    return Waiting(runs, duration / 1000, _average(duration, runs))


def of_nodes(selection: Selection) -> list[Any]:
    """The conditions on NODE_DAYS: of all days that the period touches."""
    found: list[Any] = list(within(selection, NODE_DAYS.c))
    if selection.since is not None:
        found.append(NODE_DAYS.c.day >= selection.since // DAY)
    if selection.until is not None:
        found.append(NODE_DAYS.c.day < -(-selection.until // DAY))
    return found


def _average(milliseconds: int, count: int) -> float | None:
    return round(milliseconds / count / 1000, 3) if count else None
