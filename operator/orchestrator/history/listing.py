"""Lists in any order: the recorded part of a list that contains objects of a cluster as well.

Each execution has a key, and a list is in the order of the keys. Keys are texts, so that the rest
of a list, which was not read here, has the same order.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from orchestrator.history.database import snapshot
from orchestrator.history.keys import Key, time_key, time_of
from orchestrator.history.label_selector import Requirement
from orchestrator.history.selection import Selection, conditions
from orchestrator.history.tables import DOCUMENTS, EXECUTIONS
from orchestrator.history.uids import is_among

_NEVER = -1
"""In place of the time of what never happened."""
TIMES: Mapping[str, ColumnElement[int]] = {
    "created": EXECUTIONS.c.created_at,
    "started": func.coalesce(EXECUTIONS.c.started_at, _NEVER),
    "finished": EXECUTIONS.c.finished_at,
}
TEXTS: Mapping[str, ColumnElement[str]] = {
    name: EXECUTIONS.c[name] for name in ("name", "namespace", "phase", "workflow")
}


@dataclass(frozen=True, slots=True)
class ListQuery:
    """A page of a list."""

    selection: Selection
    field: str
    """One of TIMES or TEXTS."""
    descending: bool
    limit: int
    after: Key | None = None
    """The last key of the page before."""
    created_since: int | None = None
    """Milliseconds since the epoch; executions that were created then or later."""
    labels: tuple[Requirement, ...] = ()


@dataclass(frozen=True, slots=True)
class Listed:
    """The recorded part of a page."""

    rows: tuple[tuple[Key, bytes], ...]
    """At most `limit`, each with its packed document."""
    total: int
    """Recorded executions of the whole list."""


async def list_page(engine: AsyncEngine, query: ListQuery, without: Collection[str]) -> Listed:
    """A page of the recorded executions, without those of some uids. Raises UnavailableError."""
    async with snapshot(engine) as connection:
        found = [
            *conditions(query.selection),
            *(requirement.condition() for requirement in query.labels),
        ]
        if query.created_since is not None:
            found.append(EXECUTIONS.c.created_at >= query.created_since)
        if without:
            found.append(~is_among(connection, without))
        counting = select(func.count()).select_from(EXECUTIONS).where(*found)
        total = int((await connection.execute(counting)).scalar_one())
        keys = await _keys(connection, query, found)
        uids = [key.uid for key in keys]
        documents = select(DOCUMENTS.c.uid, DOCUMENTS.c.body).where(DOCUMENTS.c.uid.in_(uids))
        bodies = {row.uid: row.body for row in await connection.execute(documents)}
    return Listed(tuple((key, bodies[key.uid]) for key in keys), total)


async def _keys(
    connection: AsyncConnection, query: ListQuery, found: Sequence[ColumnElement[bool]]
) -> list[Key]:
    is_time = query.field in TIMES
    binary = "C" if connection.dialect.name == "postgresql" else "BINARY"
    value = TIMES[query.field] if is_time else TEXTS[query.field].collate(binary)
    table = EXECUTIONS.c
    rest = [column.collate(binary) for column in (table.namespace, table.name, table.uid)]
    order: list[ColumnElement[Any]] = [value, *rest]
    asked = select(value, table.namespace, table.name, table.uid).where(*found)
    if query.after is not None:
        asked = asked.where(_after(order, _values(query.after, is_time), query.descending))
    asked = asked.order_by(*(column.desc() if query.descending else column for column in order))
    rows = await connection.execute(asked.limit(query.limit))
    return [Key(_text(row[0], is_time), *row[1:]) for row in rows]


def _values(key: Key, is_time: bool) -> list[Any]:
    """The values of a key in the database. ValueError for a key that is none."""
    if not is_time:
        return list(key)
    at = time_of(key.value)
    return [_NEVER if at is None else at, *key[1:]]


def _text(value: Any, is_time: bool) -> str:
    if not is_time:
        return str(value)
    return time_key(None if value == _NEVER else int(value))


def _after(
    columns: Sequence[ColumnElement[Any]], values: Sequence[Any], descending: bool
) -> ColumnElement[bool]:
    """What follows a key. The first condition alone decides which part of an index is read."""
    first, start = columns[0], values[0]
    steps = []
    for number, column in enumerate(columns):
        same = [one == value for one, value in zip(columns[:number], values[:number], strict=True)]
        beyond = column < values[number] if descending else column > values[number]
        steps.append(and_(*same, beyond))
    return and_(first <= start if descending else first >= start, or_(*steps))
