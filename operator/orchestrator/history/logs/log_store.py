"""Kept logs in the database, their chunks there or in a bucket."""

from __future__ import annotations

import asyncio
import uuid
import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from orchestrator.history.database import insert_into, transaction
from orchestrator.history.logs.bucket import LogBucket
from orchestrator.history.logs.extent import NOTHING, Changes, Extent, Omitted
from orchestrator.history.logs.kept_log import KeptLog, LogIdentity, LogState, Outcome
from orchestrator.history.logs.lines import Position
from orchestrator.history.tables import LOG_CHUNKS, LOGS

_QUERY_UIDS = 500
FLUSH_SECONDS = 5.0
"""Seconds after which what was read of a log is stored."""
BUCKET_FLUSH_SECONDS = 30.0
"""The same for a bucket, where each request is paid for."""


class StaleError(Exception):
    """Another recorder keeps this log too."""


@dataclass(frozen=True, slots=True)
class Reopened:
    """A log whose reading is resumed."""

    state: LogState
    chunks: Sequence[Extent]
    last: bytes
    """The text of the last chunk."""


class LogStore:
    """Logs by the uid of their pod. Every method raises UnavailableError while the database or the
    bucket cannot be used."""

    def __init__(self, engine: AsyncEngine, bucket: LogBucket | None = None) -> None:
        """With a bucket, chunks go there; those in the database stay readable."""
        self.engine = engine
        self.bucket = bucket
        self.flush_seconds = FLUSH_SECONDS if bucket is None else BUCKET_FLUSH_SECONDS

    # Keeping

    async def outcomes(self, pod_uids: Collection[str]) -> dict[str, Outcome]:
        """Those of the logs that are stored."""
        found: dict[str, Outcome] = {}
        wanted = sorted(pod_uids)
        async with transaction(self.engine) as connection:
            for start in range(0, len(wanted), _QUERY_UIDS):
                some = wanted[start : start + _QUERY_UIDS]
                query = select(LOGS.c.pod_uid, LOGS.c.outcome).where(LOGS.c.pod_uid.in_(some))
                rows = await connection.execute(query)
                found |= {row.pod_uid: Outcome(row.outcome) for row in rows}
        return found

    async def unfinished(self, execution: tuple[str, str] | None = None) -> list[LogIdentity]:
        """The logs that are being kept, of an execution by namespace and uid, or of all."""
        query = select(*IDENTITY).where(LOGS.c.outcome == Outcome.OPEN, LOGS.c.ended_at.is_(None))
        if execution is not None:
            namespace, uid = execution
            query = query.where(LOGS.c.execution_uid == uid, LOGS.c.namespace == namespace)
        async with transaction(self.engine) as connection:
            return [identity_of(row) for row in await connection.execute(query)]

    async def identity(self, pod_uid: str) -> LogIdentity | None:
        """Whose log it is, if it is stored."""
        async with transaction(self.engine) as connection:
            query = select(*IDENTITY).where(LOGS.c.pod_uid == pod_uid)
            row = (await connection.execute(query)).first()
        return None if row is None else identity_of(row)

    async def reopen(self, pod_uid: str) -> Reopened | None:
        """What is stored of a log; None if nothing is."""
        async with transaction(self.engine) as connection:
            query = select(LOGS).where(LOGS.c.pod_uid == pod_uid)
            row = (await connection.execute(query)).first()
            if row is None:
                return None
            chunks = await _extents(connection, pod_uid)
        last = await self.text(identity_of(row), chunks[-1].number) if chunks else None
        return Reopened(_state(row), chunks, last or b"")

    async def save(self, identity: LogIdentity, state: LogState, changes: Changes = NOTHING) -> int:
        """Store what changed, all of it or nothing; the number of bytes that are stored.

        Raises StaleError if another recorder has stored something since `state` was read.
        """
        bodies = {
            chunk.number: await asyncio.to_thread(zlib.compress, chunk.body)
            for chunk in changes.chunks
        }
        objects = await self._put(identity, bodies)
        rows = [
            {
                "pod_uid": identity.pod_uid,
                "number": chunk.number,
                "lines": chunk.lines,
                "size": chunk.size,
                "body": None if objects else bodies[chunk.number],
                "object": objects.get(chunk.number),
            }
            for chunk in changes.chunks
        ]
        numbers = [*bodies, *changes.removed]
        changed = (LOG_CHUNKS.c.pod_uid == identity.pod_uid, LOG_CHUNKS.c.number.in_(numbers))
        async with transaction(self.engine) as connection:
            await _write(connection, identity, state)
            replaced: Sequence[str] = ()
            if numbers:
                gone = delete(LOG_CHUNKS).where(*changed).returning(LOG_CHUNKS.c.object)
                replaced = [name for name in (await connection.execute(gone)).scalars() if name]
            if rows:
                await connection.execute(insert(LOG_CHUNKS), rows)
        state.version += 1
        if self.bucket is not None:
            await self.bucket.remove([f"{folder_of(identity)}/{name}" for name in replaced])
        return sum(map(len, bodies.values()))

    async def _put(self, identity: LogIdentity, bodies: Mapping[int, bytes]) -> dict[int, str]:
        """Put chunks into the bucket, if there is one, as objects that never change."""
        objects: dict[int, str] = {}
        if self.bucket is not None:
            for number, body in bodies.items():
                objects[number] = f"{number:08}-{uuid.uuid4().hex}"
                await self.bucket.put(f"{folder_of(identity)}/{objects[number]}", body)
        return objects

    # Reading

    async def of_execution(
        self, execution_uid: str, namespace: str, node: str | None = None
    ) -> list[KeptLog]:
        """The logs of an execution, or of one of its nodes, in the order of their pods."""
        query = select(LOGS).where(
            LOGS.c.execution_uid == execution_uid,
            LOGS.c.namespace == namespace,
            LOGS.c.expired == 0,
        )
        if node is not None:
            query = query.where(LOGS.c.node == node)
        query = query.order_by(LOGS.c.created_at, LOGS.c.attempt, LOGS.c.item, LOGS.c.pod_uid)
        async with transaction(self.engine) as connection:
            rows = await connection.execute(query)
            return [KeptLog(identity_of(row), _state(row)) for row in rows]

    async def chunks(self, pod_uid: str) -> list[Extent]:
        """The chunks of a log, in order."""
        async with transaction(self.engine) as connection:
            return await _extents(connection, pod_uid)

    async def text(self, identity: LogIdentity, number: int) -> bytes | None:
        """The text of a chunk; None if it is gone."""
        table = LOG_CHUNKS.c
        query = select(table.body, table.object).where(
            table.pod_uid == identity.pod_uid, table.number == number
        )
        async with transaction(self.engine) as connection:
            row = (await connection.execute(query)).first()
        body = None if row is None else row.body
        if row is not None and row.object and self.bucket is not None:
            body = await self.bucket.get(f"{folder_of(identity)}/{row.object}")
        return zlib.decompress(body) if body else None

    async def count(self) -> int:
        """Kept logs."""
        async with transaction(self.engine) as connection:
            return int(
                (await connection.execute(select(func.count()).select_from(LOGS))).scalar_one()
            )


IDENTITY = [LOGS.c[name] for name in LogIdentity.__dataclass_fields__]


async def _extents(connection: AsyncConnection, pod_uid: str) -> list[Extent]:
    table = LOG_CHUNKS.c
    query = select(table.number, table.lines, table.size).where(table.pod_uid == pod_uid)
    rows = await connection.execute(query.order_by(table.number))
    return [Extent(row.number, row.lines, row.size) for row in rows]


async def _write(connection: AsyncConnection, identity: LogIdentity, state: LogState) -> None:
    """Insert or update the row of a log. Raises StaleError."""
    values = _row(identity, state)
    if state.version == 0:
        statement = insert_into(connection, LOGS).on_conflict_do_nothing(index_elements=["pod_uid"])
        written = await connection.execute(statement.values(**values, expired=0))
    else:
        known = (LOGS.c.pod_uid == identity.pod_uid, LOGS.c.version == state.version)
        written = await connection.execute(update(LOGS).where(*known).values(**values))
    if written.rowcount != 1:
        raise StaleError(f"the log of {identity.namespace}/{identity.pod} has changed")


def identity_of(row: Any) -> LogIdentity:
    return LogIdentity(**{name: getattr(row, name) for name in LogIdentity.__dataclass_fields__})


def _state(row: Any) -> LogState:
    return LogState(
        Outcome(row.outcome),
        row.reason,
        bool(row.failed),
        row.ended_at,
        Position.parse(row.position),
        Omitted(row.omitted_lines, row.omitted_size),
        row.version,
    )


def _row(identity: LogIdentity, state: LogState) -> dict[str, Any]:
    own = {name: getattr(identity, name) for name in LogIdentity.__dataclass_fields__}
    return own | {
        "outcome": state.outcome.value,
        "reason": state.reason,
        "failed": int(state.failed),
        "ended_at": state.ended_at,
        "position": state.position.text(),
        "omitted_lines": state.omitted.lines,
        "omitted_size": state.omitted.size,
        "version": state.version + 1,
    }


def folder_of(identity: LogIdentity) -> str:
    """Where the objects of a log are, below the prefix of the bucket."""
    return f"{identity.namespace}/{identity.execution_uid}/{identity.pod_uid}"
