"""Sums of executions by day, workflow, phase and bucket, over any period.

Whole days come from the stored sums. What the period takes of its first and last day is summed up
from the executions themselves.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, Subquery, and_, case, func, or_, select, union_all

from orchestrator.history.duration_buckets import BOUNDS, DAY, NEVER_STARTED
from orchestrator.history.selection import Selection
from orchestrator.history.tables import DAYS, EXECUTIONS
from orchestrator.models.reasons import Reason

Condition = ColumnElement[bool]


def cells(selection: Selection) -> Subquery:
    """Columns day, namespace, workflow, phase, bucket, runs, forbidden and duration."""
    stored = _in_days(selection)
    parts = [] if stored is None else [stored]
    if (ends := _ends(selection)) is not None:
        parts.append(_of_executions(selection, ends))
    return (parts[0] if len(parts) == 1 else union_all(*parts)).subquery("cells")


def days_of(selection: Selection) -> tuple[int | None, int | None]:
    """The first of the whole days of a period, and the one after the last."""
    since, until = selection.since, selection.until
    return None if since is None else -(-since // DAY), None if until is None else until // DAY


def within(selection: Selection, table: Any) -> list[Condition]:
    """The conditions on the namespace, workflow and phase of a table."""
    found: list[Condition] = []
    if selection.namespaces is not None:
        found.append(table.namespace.in_(sorted(selection.namespaces)))
    if selection.workflow is not None:
        found.append(table.workflow == selection.workflow)
    if selection.phases is not None:
        found.append(table.phase.in_(sorted(selection.phases)))
    return found


def sums(cells: Subquery) -> list[ColumnElement[Any]]:
    """Of a group of cells: all runs, those that a limit refused, those that started, and their
    duration."""
    table = cells.c
    started = case((table.bucket != NEVER_STARTED, table.runs), else_=0)
    added = (table.runs, table.forbidden, started, table.duration)
    return [func.coalesce(func.sum(column), 0) for column in added]


def _in_days(selection: Selection) -> Select[Any] | None:
    """The stored sums of whole days; None if there is no whole day."""
    first, end = days_of(selection)
    if first is not None and end is not None and first >= end:
        return None
    table = DAYS.c
    query = select(
        table.day, table.namespace, table.workflow, table.phase, table.bucket, table.runs,
        table.forbidden, table.duration,
    ).where(*within(selection, table))  # fmt: skip
    if first is not None:
        query = query.where(table.day >= first)
    return query if end is None else query.where(table.day < end)


def _ends(selection: Selection) -> Condition | None:
    """The parts of days at both ends of the period; None if it consists of whole days."""
    since, until = selection.since, selection.until
    first, end = days_of(selection)
    at = EXECUTIONS.c.finished_at
    if first is not None and end is not None and first >= end:
        return and_(at >= since, at < until)
    parts: list[Condition] = []
    if since is not None and first is not None and since < first * DAY:
        parts.append(and_(at >= since, at < first * DAY))
    if until is not None and end is not None and end * DAY < until:
        parts.append(and_(at >= end * DAY, at < until))
    return or_(*parts) if parts else None


def _of_executions(selection: Selection, ends: Condition) -> Select[Any]:
    table = EXECUTIONS.c
    bounds = [(table.duration < bound, index) for index, bound in enumerate(BOUNDS[1:])]
    bucket = case((table.duration.is_(None), NEVER_STARTED), *bounds, else_=len(BOUNDS) - 1)
    forbidden = case((table.reason == Reason.CONCURRENCY_FORBIDDEN.value, 1), else_=0)
    columns = (
        (table.finished_at // DAY).label("day"), table.namespace, table.workflow, table.phase,
        bucket.label("bucket"),
    )  # fmt: skip
    added = (
        func.count().label("runs"),
        func.sum(forbidden).label("forbidden"),
        func.coalesce(func.sum(table.duration), 0).label("duration"),
    )
    query = select(*columns, *added).where(*within(selection, table), ends)
    return query.group_by(*(columns[:4]), bucket)
