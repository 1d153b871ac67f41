"""The stored history: recorded exactly once, listed in pages, read whole."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, insert, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from orchestrator.history.database import (
    STATEMENT_SECONDS,
    UnavailableError,
    engine_of,
    insert_into,
    migrate,
    schema_problem,
    transaction,
)
from orchestrator.history.entry import Entry, Recorded, object_of, pack, unpack
from orchestrator.history.selection import Position, Selection, after, page_source
from orchestrator.history.sums import Counted, add
from orchestrator.history.tables import DOCUMENTS, EXECUTIONS, LABELS, REVISIONS
from orchestrator.models.reasons import Reason

MAX_PAGE = 500
"""Executions of a page."""
_QUERY_UIDS = 500
_COLUMNS = [column for column in EXECUTIONS.c if column.name != "search"]


@dataclass(frozen=True, slots=True)
class Page:
    """Rows, and where the next page begins; None after the last one."""

    items: tuple[Recorded, ...]
    next: Position | None


class Store:
    """The database. Every method raises UnavailableError while it cannot be used."""

    def __init__(
        self, url: str, statement_seconds: float = STATEMENT_SECONDS, *, read_only: bool = False
    ) -> None:
        """ValueError for a URL that is none; nothing is connected yet."""
        self._url = url
        self.engine: AsyncEngine = engine_of(url, statement_seconds, read_only=read_only)

    async def close(self) -> None:
        """Close all connections."""
        await self.engine.dispose()

    async def migrate(self) -> None:
        """Create the schema, or bring it up to date.

        ValueError if it is that of a newer version.
        """
        engine = engine_of(self._url, statement_seconds=None)  # a large table takes its time
        try:
            await migrate(engine)
        finally:
            await engine.dispose()

    async def unready(self) -> str:
        """Why it cannot be used now, in words; empty if it can."""
        try:
            return await schema_problem(self.engine)
        except (UnavailableError, TimeoutError) as error:
            return f"the database of the history: {error or 'no answer'}"

    # Recording

    async def recorded(self, uids: Collection[str]) -> set[str]:
        """Those of the executions that are recorded."""
        found: set[str] = set()
        wanted = sorted(uids)
        async with transaction(self.engine) as connection:
            for start in range(0, len(wanted), _QUERY_UIDS):
                some = wanted[start : start + _QUERY_UIDS]
                query = select(EXECUTIONS.c.uid).where(EXECUTIONS.c.uid.in_(some))
                found.update((await connection.scalars(query)).all())
        return found

    async def restored(self, entries: Collection[Entry]) -> set[str]:
        """Those of the executions, by uid, that were restored from a backup and are recorded as
        they were before.

        The label alone proves nothing: it is the same run only if the recorded one has its name,
        and ended as it did, or if the restoration ended it.
        """
        candidates = [entry for entry in entries if entry.restored_from]
        if not candidates:
            return set()
        wanted = sorted({entry.restored_from for entry in candidates})
        table = EXECUTIONS.c
        query = select(table.uid, table.namespace, table.name, table.phase, table.finished_at)
        async with transaction(self.engine) as connection:
            found = await connection.execute(query.where(table.uid.in_(wanted)))
            rows = {row.uid: row for row in found}
        return {
            entry.uid
            for entry in candidates
            if (row := rows.get(entry.restored_from)) is not None and _is_same_run(row, entry)
        }

    async def known_revisions(self, keys: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
        """Those of the revisions, by namespace and name, that are stored."""
        if not keys:
            return set()
        columns = REVISIONS.c.namespace, REVISIONS.c.name
        query = select(*columns).where(tuple_(*columns).in_(sorted(keys)))
        async with transaction(self.engine) as connection:
            return {(row.namespace, row.name) for row in await connection.execute(query)}

    async def record(
        self,
        entries: Iterable[Entry],
        revisions: Mapping[tuple[str, str], Mapping[str, Any]] | None = None,
    ) -> set[str]:
        """Record executions, each once, with revisions by namespace and name; the uids that were
        not recorded before."""
        by_uid = {entry.uid: entry for entry in entries}
        if not by_uid:
            return set()
        async with transaction(self.engine) as connection:
            new = await self._insert(connection, list(by_uid.values()))
            fresh = [by_uid[uid] for uid in sorted(new)]
            if fresh:
                await _insert_details(connection, fresh)
                await add(connection, map(_counted, fresh), 1)
            if revisions:
                rows = [
                    {"namespace": namespace, "name": name, "body": pack(data)}
                    for (namespace, name), data in sorted(revisions.items())
                ]
                statement = insert_into(connection, REVISIONS).on_conflict_do_nothing()
                await connection.execute(statement, rows)
        return new

    async def _insert(self, connection: AsyncConnection, entries: Sequence[Entry]) -> set[str]:
        """Insert those that are not recorded; their uids."""
        statement = insert_into(connection, EXECUTIONS).on_conflict_do_nothing(
            index_elements=["uid"]
        )
        names = [column.name for column in EXECUTIONS.c]
        rows = [{name: getattr(entry, name) for name in names} for entry in entries]
        rows.sort(key=lambda row: str(row["uid"]))
        inserted = await connection.execute(statement.returning(EXECUTIONS.c.uid), rows)
        return set(inserted.scalars().all())

    # Reading

    async def page(
        self,
        selection: Selection,
        *,
        limit: int = 50,
        begin: Position | None = None,
        oldest_first: bool = False,
    ) -> Page:
        """A page of executions by the time of their end, the newest first by default.

        Pages follow each other without gaps and repetitions, whatever is recorded meanwhile.
        """
        limit = max(1, min(limit, MAX_PAGE))
        source = page_source(selection)
        query = select(*_COLUMNS).select_from(source.tables).where(*source.conditions)
        if begin is not None:
            query = query.where(after(source, begin, oldest_first=oldest_first))
        order = source.finished_at, source.uid
        query = query.order_by(*(order if oldest_first else (column.desc() for column in order)))
        async with transaction(self.engine) as connection:
            rows = (await connection.execute(query.limit(limit + 1))).all()
        items = tuple(map(_recorded, rows[:limit]))
        last = Position(items[-1].finished_at, items[-1].uid) if len(rows) > limit else None
        return Page(items, last)

    async def get(self, uid: str) -> dict[str, Any] | None:
        """The object of an execution as it ended; None if it is not recorded."""
        return await self._document(EXECUTIONS.c.uid == uid)

    async def get_named(self, namespace: str, name: str) -> dict[str, Any] | None:
        """The object of the newest execution of this name; None if none is recorded."""
        table = EXECUTIONS.c
        return await self._document(table.namespace == namespace, table.name == name)

    async def _document(self, *where: Any) -> dict[str, Any] | None:
        query = (
            select(DOCUMENTS.c.body)
            .join(EXECUTIONS, EXECUTIONS.c.uid == DOCUMENTS.c.uid)
            .where(*where)
            .order_by(EXECUTIONS.c.finished_at.desc(), EXECUTIONS.c.uid.desc())
            .limit(1)
        )
        async with transaction(self.engine) as connection:
            body = (await connection.execute(query)).scalar()
        return None if body is None else object_of(body)

    async def revision(self, namespace: str, name: str) -> dict[str, Any] | None:
        """The data of a frozen workflow; None if it is not recorded."""
        table = REVISIONS.c
        query = select(table.body).where(table.namespace == namespace, table.name == name)
        async with transaction(self.engine) as connection:
            body = (await connection.execute(query)).scalar()
        return None if body is None else unpack(body)

    async def count(self) -> int:
        """Recorded executions."""
        async with transaction(self.engine) as connection:
            query = select(func.count()).select_from(EXECUTIONS)
            return int((await connection.execute(query)).scalar_one())


async def _insert_details(connection: AsyncConnection, entries: Sequence[Entry]) -> None:
    documents = [{"uid": entry.uid, "body": entry.body} for entry in entries]
    await connection.execute(insert(DOCUMENTS), documents)
    labels = [
        {"uid": entry.uid, "key": key, "value": value, "finished_at": entry.finished_at}
        for entry in entries
        for key, value in entry.labels.items()
    ]
    if labels:
        await connection.execute(insert(LABELS), labels)


def _is_same_run(row: Any, entry: Entry) -> bool:
    if (row.namespace, row.name) != (entry.namespace, entry.name):
        return False
    ended_alike = (row.phase, row.finished_at) == (entry.phase, entry.finished_at)
    return ended_alike or entry.reason == Reason.RESTORED


def _recorded(row: Any) -> Recorded:
    return Recorded(**{column.name: getattr(row, column.name) for column in _COLUMNS})


def _counted(entry: Entry) -> Counted:
    return Counted(
        entry.namespace, entry.workflow, entry.phase, entry.finished_at, entry.duration,
        entry.forbidden, entry.nodes,
    )  # fmt: skip
