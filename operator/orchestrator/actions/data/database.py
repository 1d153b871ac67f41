"""A connection to PostgreSQL; a module of its own, because asyncpg and asyncio import slowly."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import asyncpg

from orchestrator.actions.action import ActionError
from orchestrator.actions.data.postgresql import Database, TlsMode
from orchestrator.models.base import parse_duration

CHUNK_ROWS = 20
"""Rows that are fetched at a time, so that a large result is never in memory."""
_AS_TEXT = (
    "bytea", "date", "time", "timetz", "interval", "inet", "cidr", "macaddr", "macaddr8", "money",
    "numeric", "uuid", "bit", "varbit", "point", "line", "lseg", "box", "path", "polygon", "circle",
)  # fmt: skip
"""Types that are text in JSON, as the server writes and reads them."""

T = TypeVar("T")


def run(database: Database, work: Callable[[asyncpg.Connection], Awaitable[T]]) -> T:
    """The result of work on a connection, within the timeout of the database."""

    async def within_timeout() -> T:
        async with (
            asyncio.timeout(parse_duration(database.timeout)),
            _connection(database) as connection,
        ):
            return await work(connection)

    return asyncio.run(within_timeout())


@asynccontextmanager
async def _connection(database: Database) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(
        host=database.host,
        port=database.port,
        user=database.user,
        password=database.password.get_secret_value() if database.password else "",
        database=database.database,
        ssl=_tls(database),
        timeout=parse_duration(database.timeout),
        server_settings={
            "application_name": "itechsmart-workflow",
            "statement_timeout": str(max(1, round(1000 * parse_duration(database.timeout)))),
            "TimeZone": "UTC",
            "DateStyle": "ISO",
        },
    )
    try:
        await _set_codecs(connection)
        yield connection
    finally:
        connection.terminate()  # a transaction that has not committed is rolled back


async def _set_codecs(connection: asyncpg.Connection) -> None:
    """Let values of JSON be values of every type, and the other way round."""

    async def text(name: str, encode: Callable[[Any], str], decode: Callable[[str], Any]) -> None:
        await connection.set_type_codec(
            name, schema="pg_catalog", encoder=encode, decoder=decode, format="text"
        )

    for name in _AS_TEXT:
        await text(name, str, str)
    for name in ("timestamp", "timestamptz"):
        await text(name, str, _moment)
    for name in ("json", "jsonb"):
        await text(name, json.dumps, json.loads)


def _moment(written: str) -> str:
    """A moment of the server as RFC 3339 writes it; its time zone is UTC."""
    moment = written.replace(" ", "T", 1)
    return moment.removesuffix("+00") + "Z" if moment.endswith("+00") else moment


def _tls(database: Database) -> ssl.SSLContext | bool:
    """Raises a permanent ActionError if caCertificate contains no certificate."""
    if database.tls_mode is TlsMode.DISABLE:
        return False
    context = ssl.create_default_context()
    if database.ca_certificate:
        try:
            context.load_verify_locations(cadata=database.ca_certificate)
        except (ssl.SSLError, ValueError):
            raise ActionError(
                "caCertificate contains no certificate in PEM format", permanent=True
            ) from None
    if database.tls_mode is TlsMode.REQUIRE:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def as_json(value: Any) -> Any:
    """A value of the database as JSON; a type without its like is text."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if value - value == 0 else str(value)  # JSON has no infinity
        case list() | tuple():
            return [as_json(item) for item in value]
        case dict():
            return {str(key): as_json(item) for key, item in value.items()}
        case asyncpg.Record():
            return {str(key): as_json(item) for key, item in value.items()}
        case _:
            return str(value)
