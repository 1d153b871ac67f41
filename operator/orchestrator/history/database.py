"""Connections to the database of the history, and its schema."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Table, event, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

CONNECT_SECONDS = 10.0
"""Seconds for which a connection is waited for."""
STATEMENT_SECONDS = 60.0
"""Seconds after which a statement is given up."""
POOL = 5
"""Connections that are kept; as many again are made when these are in use."""
_MIGRATING = 0x17EC4512
"""The advisory lock of PostgreSQL under which the schema is migrated."""
_OURS = (DataError, IntegrityError, ProgrammingError)
_AT_FAULT = ("22", "23")
"""Classes of PostgreSQL's error codes: data that it refuses, and violated constraints."""
_NO_RIGHT = "42501"
"""PostgreSQL's code for a missing right, which someone may grant."""
_POSTGRESQL = ("postgresql", "postgres")


class UnavailableError(Exception):
    """The database cannot be reached or used now; a later retry may help."""


def engine_of(
    url: str, statement_seconds: float | None = STATEMENT_SECONDS, *, read_only: bool = False
) -> AsyncEngine:
    """An engine for `sqlite:///PATH` or `postgresql://…`, as libpq understands it.

    ValueError if it is neither. Nothing is connected yet. PostgreSQL's statements are given up
    after `statement_seconds`, if any. Where it is `read_only`, the database refuses to write.
    """
    scheme, _, rest = url.partition("://")
    if scheme == "sqlite":
        return _sqlite(rest.removeprefix("/"), read_only)
    if scheme not in _POSTGRESQL:
        raise ValueError(
            "the database must be sqlite:///PATH or postgresql://USER@HOST:PORT/DATABASE, not"
            f" {scheme or 'an empty text'}"[:200]
        )

    async def connect(*_: Any, **__: Any) -> Any:
        return await asyncpg.connect(
            url, timeout=CONNECT_SECONDS, command_timeout=statement_seconds
        )

    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=connect,
        pool_size=POOL,
        max_overflow=POOL,
        pool_pre_ping=True,
    )
    return engine.execution_options(postgresql_readonly=True) if read_only else engine


def described(url: str) -> str:
    """The database for a log, without a password."""
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return url
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}"


def _sqlite(path: str, read_only: bool) -> AsyncEngine:
    if not path or path == ":memory:":
        raise ValueError("the database sqlite:///PATH needs the path of a file")
    file = f"file:{quote(str(Path(path)))}?mode=ro&uri=true" if read_only else str(Path(path))
    engine = create_async_engine(
        f"sqlite+aiosqlite:///{file}", connect_args={"timeout": 30.0}, poolclass=NullPool
    )
    if read_only:
        return engine

    @event.listens_for(engine.sync_engine, "connect")
    def set_up(connection: Any, _: object) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA journal_mode=WAL")
        # What is reported as recorded must survive a loss of power.
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.close()

    return engine


@asynccontextmanager
async def snapshot(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A transaction whose reads all see the same state. Raises UnavailableError."""
    if engine.dialect.name == "postgresql":
        engine = engine.execution_options(isolation_level="REPEATABLE READ")
    async with transaction(engine) as connection:
        if engine.dialect.name == "sqlite":
            await connection.exec_driver_sql("BEGIN")  # the driver begins one at writes only
        yield connection


@asynccontextmanager
async def transaction(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A transaction, committed at the end of the block. Raises UnavailableError."""
    try:
        async with engine.begin() as connection:
            yield connection
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise UnavailableError(_words(error)) from error
    except DBAPIError as error:
        if _is_permanent(error):
            raise
        raise UnavailableError(_words(error.orig or error)) from error
    except SQLAlchemyError as error:  # such as a pool that has no connection in time
        raise UnavailableError(_words(error)) from error


def insert_into(connection: AsyncConnection, table: Table) -> Any:
    """An INSERT of the dialect, which both have for conflicts."""
    is_postgresql = connection.dialect.name == "postgresql"
    return (postgresql.insert if is_postgresql else sqlite.insert)(table)


def _is_permanent(error: DBAPIError) -> bool:
    """Whether no retry helps: the values or the statement are at fault."""
    state = str(getattr(error.orig, "sqlstate", None) or "")
    if error.connection_invalidated or state == _NO_RIGHT:
        return False
    return isinstance(error, _OURS) or state[:2] in _AT_FAULT


async def migrate(engine: AsyncEngine, revision: str = "head") -> None:
    """Bring the schema to the revision; several processes may do so at once.

    Raises UnavailableError.
    """
    async with transaction(engine) as connection:
        if engine.dialect.name == "postgresql":
            await connection.execute(text(f"SELECT pg_advisory_xact_lock({_MIGRATING})"))
        await connection.run_sync(_migrate, revision)


async def schema_problem(engine: AsyncEngine, within: float = CONNECT_SECONDS) -> str:
    """Why this version cannot use the schema; empty if it can.

    Raises UnavailableError, and TimeoutError if there is no answer within these seconds.
    """

    def read(connection: Connection) -> str | None:
        return MigrationContext.configure(connection).get_current_revision()

    async with asyncio.timeout(within), transaction(engine) as connection:
        current = await connection.run_sync(read)
    *older, head = _revisions()
    if current == head:
        return ""
    if current is None or current in older:
        had = f"the schema {current} of an older version" if current else "no schema"
        return f"the database has {had}; the recorder of this version brings it up to date"
    return f"the database has the schema {current} of a newer version; run that version"


@cache
def _revisions() -> tuple[str, ...]:
    """The revisions of the schema that this version knows, the oldest first."""
    script = ScriptDirectory.from_config(_config())
    return tuple(reversed([each.revision for each in script.walk_revisions()]))


def _migrate(connection: Connection, revision: str) -> None:
    config = _config()
    config.attributes["connection"] = connection
    current = MigrationContext.configure(connection).get_current_revision()
    script = ScriptDirectory.from_config(config)
    known = {each.revision for each in script.walk_revisions()}
    if current is not None and current not in known:
        raise ValueError(
            f"the database has the schema {current} of a newer version; run that version"
        )
    if (
        revision in ("base", *known)
        and current is not None
        and _is_older(script, revision, current)
    ):
        command.downgrade(config, revision)
    else:
        command.upgrade(config, revision)


def _is_older(script: ScriptDirectory, revision: str, current: str) -> bool:
    if revision == "base":
        return True
    order = [each.revision for each in script.walk_revisions()]
    return order.index(revision) > order.index(current)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config


def _words(error: BaseException) -> str:
    text_of = " ".join(str(error).split()) or type(error).__name__
    return text_of[:500]
