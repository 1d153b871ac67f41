"""sql-execute: change rows of a PostgreSQL database."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, field_validator

from orchestrator.actions.action import Action, ActionError, Context, Outputs
from orchestrator.actions.data.postgresql import Database, Statement, classify
from orchestrator.models.base import Model

if TYPE_CHECKING:
    import asyncpg

_OF_TRANSACTIONS = re.compile(
    r"(BEGIN|START|COMMIT|END|ROLLBACK|ABORT|SAVEPOINT|RELEASE|PREPARE TRANSACTION)\b",
    re.IGNORECASE,
)
_IGNORED = re.compile(r"([\s;]|--[^\r\n]*)+")
_TABLE = r"^([a-z_][a-z0-9_]*\.)?[a-z_][a-z0-9_]*$"


class Change(Statement):
    """A statement that changes rows."""

    expect_rows: Annotated[int | None, Field(ge=0)] = None


class SqlExecute(Database):
    """Parameters of sql-execute."""

    statements: Annotated[list[Change], Field(min_length=1, max_length=100)]
    """Statements, carried out in one transaction. Each has `sql`, used literally, and may have
    `args`, the values of the placeholders $1, $2 and so on, and `expectRows`, without which number
    of affected rows nothing is changed."""
    key_table: Annotated[str, Field(pattern=rf"^$|{_TABLE}", max_length=127)] = ""
    """Table with a text column `key` that is unique: the key of the node is inserted in the same
    transaction, and an attempt that finds it there changes nothing."""

    @field_validator("statements")
    @classmethod
    def _one_transaction(cls, statements: list[Change]) -> list[Change]:
        for index, each in enumerate(statements):
            found = _OF_TRANSACTIONS.match(_opening(each.sql))
            if found:
                raise ValueError(
                    f"[{index}].sql must not begin with {found[1].upper()}: all statements are one "
                    "transaction"
                )
        return statements


def _opening(sql: str) -> str:
    """The first two words of a statement, without comments."""
    first = re.match(r"\w*", rest := _without_leading_comments(sql))
    assert first
    second = re.match(r"\w*", _without_leading_comments(rest[first.end() :]))
    assert second
    return f"{first[0]} {second[0]}"


def _without_leading_comments(sql: str) -> str:
    """The rest of a statement after space, empty statements, and comments, which are nested."""
    while True:
        ignored = _IGNORED.match(sql)
        rest = sql[ignored.end() :] if ignored else sql
        if not rest.startswith("/*"):
            return rest
        depth, end = 0, len(rest)
        for found in re.finditer(r"/\*|\*/", rest):
            depth += 1 if found[0] == "/*" else -1
            if depth == 0:
                end = found.end()
                break
        sql = rest[end:]


class ExecuteResult(Outputs):
    """Outputs of sql-execute."""

    bulky = ("results",)

    affected_rows: int
    """Number of rows that all statements affected."""
    results: list[dict[str, Any]] = []
    """The command and number of affected rows of each statement."""
    repeated: bool
    """Whether an earlier attempt had already made the changes, as keyTable shows."""
    truncated: bool = False
    """Whether results were left out."""


class _Result(Model):
    """The result of a statement."""

    command: str
    rows: int


def sql_execute(parameters: SqlExecute, context: Context) -> ExecuteResult:
    """Carries out statements on a PostgreSQL database, all of them or none."""
    # Imported here: it is half a pod's start.
    from orchestrator.actions.data import database

    context.log(f"{len(parameters.statements)} statements to {parameters.address}")
    results = database.run(
        parameters, lambda connection: _change(parameters, context.identity.key, connection)
    )
    if results is None:
        context.log("an earlier attempt made the changes")
        return ExecuteResult(affected_rows=0, repeated=True)
    affected = sum(result.rows for result in results)
    context.log(f"committed; {affected} rows affected")
    return ExecuteResult(
        affected_rows=affected,
        results=[result.model_dump(by_alias=True) for result in results],
        repeated=False,
    )


async def _change(
    parameters: SqlExecute, key: str, connection: asyncpg.Connection
) -> list[_Result] | None:
    """The results of the statements; None if an earlier attempt made the changes."""
    async with connection.transaction():
        if parameters.key_table and not await _insert_key(parameters.key_table, key, connection):
            return None
        transaction, results = await _transaction(connection), []
        for index, statement in enumerate(parameters.statements):
            path = f"statements[{index}]"
            results.append(await _carry_out(path, statement, connection))
            if await _transaction(connection) != transaction:
                raise ActionError(
                    f"{path}: {results[-1].command} ended the transaction; the statements up to "
                    "it may be committed, those after it are not carried out",
                    permanent=True,
                )
        return results


async def _transaction(connection: asyncpg.Connection) -> int | None:
    """The number of the transaction in progress; None outside a transaction."""
    if not connection.is_in_transaction():
        return None
    return int(await connection.fetchval("SELECT txid_current()"))


async def _insert_key(table: str, key: str, connection: asyncpg.Connection) -> bool:
    """Insert the key; whether it was not there. A concurrent attempt waits for the other's end."""
    quoted = ".".join(f'"{part}"' for part in table.split("."))
    tag = await connection.execute(
        f"INSERT INTO {quoted} (key) VALUES ($1) ON CONFLICT DO NOTHING",  # noqa: S608 - quoted
        key,
    )
    return _of_tag(tag).rows == 1


async def _carry_out(path: str, change: Change, connection: asyncpg.Connection) -> _Result:
    # Prepared, since only a prepared statement is never several.
    statement = await connection.prepare(change.sql)
    await statement.fetch(*change.args)
    result = _of_tag(statement.get_statusmsg())
    if change.expect_rows is not None and result.rows != change.expect_rows:
        raise ActionError(
            f"{path}: {result.command} affected {result.rows} rows; expectRows is "
            f"{change.expect_rows}, so nothing was changed",
            permanent=True,
        )
    return result


def _of_tag(tag: str) -> _Result:
    """The result in a command tag, such as `UPDATE 3` or `INSERT 0 1`."""
    *words, last = tag.split()
    if not last.isdigit():
        return _Result(command=tag, rows=0)
    return _Result(command=" ".join(word for word in words if not word.isdigit()), rows=int(last))


ACTION = Action(
    name="sql-execute",
    title="Change rows of a PostgreSQL database",
    category="data",
    icon="database",
    parameters=SqlExecute,
    outputs=ExecuteResult,
    run=sql_execute,
    retries=(
        "Retried: no connection, no answer in time, a server that starts or shuts down, conflicts "
        "between transactions, a lack of resources. Not retried: all other errors of the "
        "database, and TLS that is not trusted. A connection that is lost during the commit may "
        "have committed: set keyTable, and a retry recognises it, or write statements that may "
        "run twice."
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
        - name: release
          action: sql-execute
          with:
            host: "$[[ vars.host ]]"
            port: "$[[ vars.port ]]"
            database: "$[[ vars.database ]]"
            tlsMode: "$[[ vars.tlsMode ]]"
            user: writer
            password: "$[[ vars.password ]]"
            keyTable: automation_keys
            statements:
            - sql: UPDATE orders SET state = $1 WHERE id = $2
              args: [released, 1]
              expectRows: 1
    """,
)
