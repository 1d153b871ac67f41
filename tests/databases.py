"""Databases for the history, in SQLite or PostgreSQL."""

from __future__ import annotations

import itertools
from urllib.parse import quote

from tests.postgresql import ADMINISTRATOR, PASSWORD, PostgresqlServer

_NUMBERS = itertools.count(1)


def new_database(server: PostgresqlServer) -> str:
    """The URL of an empty database; connections to it are encrypted and verified."""
    name = f"history{next(_NUMBERS)}"
    server.sql(f"CREATE DATABASE {name}")
    return url_of(server, name)


def url_of(server: PostgresqlServer, name: str) -> str:
    """The URL of a database of the server for its administrator."""
    address = f"{ADMINISTRATOR}:{quote(PASSWORD)}@127.0.0.1:{server.port}/{name}"
    authority = quote(str(server.certificate.authority), safe="")
    return f"postgresql://{address}?sslmode=verify-full&sslrootcert={authority}"
