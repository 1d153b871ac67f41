"""The options of the servers that use the database of the history."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestrator.session.errors import UsageError

DATABASE_VARIABLE = "ORCHESTRATOR_HISTORY_DATABASE"
"""Environment variable with the database's URL, used if the option is absent."""
MODULES = ("sqlalchemy", "alembic", "aiosqlite", "asyncpg")
"""What of the extra `history` may be missing."""

Database = Annotated[
    str,
    typer.Option(
        metavar="URL",
        envvar=DATABASE_VARIABLE,
        help="sqlite:///PATH, or postgresql://USER@HOST:PORT/DATABASE. Put a URL with a"
        " password in the environment variable or in a file: other users of the machine can"
        " read the arguments of a process.",
    ),
]
DatabaseFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="File that contains the URL of the database."),
]


def database_url(database: str, file: Path | None) -> str:
    """The URL of the database; empty if none is given. Raises UsageError."""
    if file is None:
        return database
    if database:
        raise UsageError("--database and --database-file: give one of them")
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{database_option(file)}: {error}") from error


def database_option(file: Path | None) -> str:
    """The option that gives the URL, for messages."""
    return "--database" if file is None else f"--database-file {file}"
