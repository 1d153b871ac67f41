"""sql-query: read rows of a PostgreSQL database."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from orchestrator.actions.action import Action, ActionError, Context, Outputs
from orchestrator.actions.data.postgresql import Database, Value, classify

if TYPE_CHECKING:
    import asyncpg

MAX_BYTES = 1024 * 1024
"""Maximum size of the rows that are read, as JSON; the rest is not fetched."""


class SqlQuery(Database):
    """Parameters of sql-query."""

    query: Annotated[str, Field(min_length=1, max_length=65536)]
    """One statement that reads, used literally: values go into args, for the placeholders $1, $2
    and so on."""
    args: Annotated[list[Value], Field(max_length=100)] = []
    """Values of the placeholders; the database never reads them as SQL."""
    max_rows: Annotated[int, Field(ge=1, le=10000)] = 100
    """Maximum number of rows that are read."""


class QueryResult(Outputs):
    """Outputs of sql-query."""

    bulky = ("rows", "columns")

    rows: list[dict[str, Any]] = []
    """The rows, as objects by the names of their columns; numbers of the type numeric, times and
    identifiers are strings."""
    row_count: int
    """Number of rows that were read, also of those that do not fit into the outputs."""
    columns: list[str] = []
    """Names of the columns."""
    truncated: bool = False
    """Whether there are more rows than in the outputs."""


def sql_query(parameters: SqlQuery, context: Context) -> QueryResult:
    """Reads rows of a PostgreSQL database, in a transaction that can change nothing."""
    # Imported here: it is half a pod's start.
    from orchestrator.actions.data import database

    context.log(f"query of {len(parameters.query)} characters to {parameters.address}")
    started = context.clock.monotonic()
    result = database.run(parameters, lambda connection: _read(parameters, connection))
    duration = round(1000 * (context.clock.monotonic() - started))
    more = " and there are more" if result.truncated else ""
    context.log(f"{result.row_count} rows in {duration} ms{more}")
    return result


async def _read(parameters: SqlQuery, connection: asyncpg.Connection) -> QueryResult:
    from orchestrator.actions.data.database import CHUNK_ROWS, as_json

    rows: list[dict[str, Any]] = []
    size = 0
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        statement = await connection.prepare(parameters.query)
        columns = [attribute.name for attribute in statement.get_attributes()]
        _require_distinct(columns)
        cursor = await statement.cursor(*parameters.args)
        while chunk := await cursor.fetch(CHUNK_ROWS):
            for record in chunk:
                row = as_json(record)
                size += len(json.dumps(row))
                if len(rows) == parameters.max_rows or size > MAX_BYTES:
                    return QueryResult(
                        rows=rows, row_count=len(rows), columns=columns, truncated=True
                    )
                rows.append(row)
    return QueryResult(rows=rows, row_count=len(rows), columns=columns)


def _require_distinct(columns: list[str]) -> None:
    repeated = [name for name, count in Counter(columns).items() if count > 1]
    if repeated:
        raise ActionError(
            f"query: several columns are named {repeated[0]!r}; name each of them by AS",
            permanent=True,
        )


ACTION = Action(
    name="sql-query",
    title="Read rows of a PostgreSQL database",
    category="data",
    icon="database",
    parameters=SqlQuery,
    outputs=QueryResult,
    run=sql_query,
    retries=(
        "Retried: no connection, no answer in time, a server that starts or shuts down, conflicts "
        "between transactions, a lack of resources. Not retried: all other errors of the "
        "database, such as a wrong password or invalid SQL, and TLS that is not trusted. It only "
        "reads: the transaction is read-only."
    ),
    classify=classify,
    example="""
        variables:
        - {name: host, type: string, default: db-1.example.com}
        - {name: port, type: integer, default: 5432}
        - {name: database, type: string, default: shop}
        - {name: tlsMode, type: string, default: verify-full}
        - {name: password, type: secret, secretKeyRef: {name: shop-database, key: password}}
        nodes:
        - name: backlog
          action: sql-query
          with:
            host: "$[[ vars.host ]]"
            port: "$[[ vars.port ]]"
            database: "$[[ vars.database ]]"
            tlsMode: "$[[ vars.tlsMode ]]"
            user: reader
            password: "$[[ vars.password ]]"
            query: SELECT state, count(*) AS orders FROM orders WHERE id > $1 GROUP BY state
            args: [0]
    """,
)
