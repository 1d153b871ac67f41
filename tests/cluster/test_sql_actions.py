"""sql-query and sql-execute with a real PostgreSQL server."""

from __future__ import annotations

import gc
import re
import threading
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dev.ports import free_port
from orchestrator.actions.action import PERMANENT, USAGE
from orchestrator.actions.data import sql_execute
from tests.actions import ActionRun
from tests.examples import example
from tests.kube import eventually
from tests.postgresql import PASSWORD, PostgresqlServer

# A TLS connection that a server refuses is closed in two steps (asyncpg, `transport.close`): the
# second waits for the server, and the end of the action for none.
pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
    pytest.mark.usefixtures("collected"),
]
PROVES = {"PostgreSQL": ["sql-query", "sql-execute"]}


@pytest.fixture
def collected() -> Iterator[None]:
    """Connections that are left are collected within the test, and in no other."""
    yield
    gc.collect()


@pytest.fixture(scope="module")
def shop(postgresql: PostgresqlServer) -> Iterator[str]:
    """A database with orders, a reader and a writer."""
    name = f"shop_{uuid.uuid4().hex[:8]}"
    postgresql.sql(f"CREATE DATABASE {name}")
    postgresql.sql(
        "CREATE TABLE orders (id int PRIMARY KEY, state text NOT NULL, total numeric(10, 2))",
        "INSERT INTO orders SELECT n, 'open', n FROM generate_series(1, 250) n",
        "CREATE TABLE automation_keys (key text PRIMARY KEY)",
        f"CREATE ROLE reader LOGIN PASSWORD '{PASSWORD}'",
        "GRANT SELECT ON orders TO reader",
        f"CREATE ROLE writer LOGIN PASSWORD '{PASSWORD}'",
        "GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO writer",
        database=name,
    )
    yield name
    postgresql.sql(f"DROP DATABASE {name} WITH (FORCE)", "DROP ROLE reader, writer")


@pytest.fixture
def sql(postgresql: PostgresqlServer, shop: str, tmp_path: Path) -> ActionRun:
    return ActionRun(tmp_path, {"password": PASSWORD}, postgresql.parameters(shop))


@pytest.mark.parametrize(
    ("written", "given", "value"),
    [
        ("int", 3, 3),
        ("bigint", 2**62, 2**62),
        ("double precision", 0.5, 0.5),
        ("boolean", True, True),
        ("text", "x'; DROP TABLE orders; --", "x'; DROP TABLE orders; --"),
        ("text", None, None),
        ("numeric", "12.50", "12.50"),
        ("numeric", 0.1, "0.1"),
        ("timestamptz", "2026-01-01T12:00:00+02:00", "2026-01-01T10:00:00Z"),
        ("timestamp", "2026-01-01 12:00:00", "2026-01-01T12:00:00"),
        ("timestamptz", "infinity", "infinity"),
        ("date", "2026-01-01", "2026-01-01"),
        ("interval", "1 day", "1 day"),
        ("uuid", "6f1e2b1c-0000-4000-8000-000000000000", "6f1e2b1c-0000-4000-8000-000000000000"),
        ("jsonb", {"a": [1, None]}, {"a": [1, None]}),
        ("jsonb", "text", "text"),
        ("bytea", r"\x00ff", r"\x00ff"),
        ("inet", "10.0.0.1/8", "10.0.0.1/8"),
        ("int[]", [1, 2, None], [1, 2, None]),
        ("text[]", ["a,b", '"'], ["a,b", '"']),
        ("timestamptz[]", ["2026-01-01T00:00:00Z"], ["2026-01-01T00:00:00Z"]),
    ],
)
def test_values_pass_both_ways_as_json(
    sql: ActionRun, written: str, given: Any, value: Any
) -> None:
    ended = sql("sql-query", query=f"SELECT $1::{written} AS value", args=[given])
    assert ended.code == 0, ended.message
    assert ended.outputs["rows"] == [{"value": value}]


def test_rows_and_columns_are_outputs(sql: ActionRun, capfd: pytest.CaptureFixture[str]) -> None:
    query = "SELECT id, state, total FROM orders WHERE id = ANY($1) ORDER BY id"
    ended = sql("sql-query", query=query, args=[[7, 9]])
    assert ended.outputs == {
        "rows": [
            {"id": 7, "state": "open", "total": "7.00"},
            {"id": 9, "state": "open", "total": "9.00"},
        ],
        "rowCount": 2,
        "columns": ["id", "state", "total"],
        "truncated": False,
    }
    assert "2 rows in" in capfd.readouterr().out
    none = sql("sql-query", query="SELECT id FROM orders WHERE id = 0")
    assert (none.outputs["rows"], none.outputs["rowCount"]) == ([], 0)


def test_rows_are_bounded_in_number_and_size(sql: ActionRun) -> None:
    ended = sql("sql-query", query="SELECT id FROM orders ORDER BY id", maxRows=150)
    assert (ended.outputs["rowCount"], ended.outputs["truncated"]) == (150, True)
    exact = sql("sql-query", query="SELECT id FROM orders ORDER BY id", maxRows=250)
    assert (exact.outputs["rowCount"], exact.outputs["truncated"]) == (250, False)
    large = "SELECT n, repeat('x', 100000) AS text FROM generate_series(1, 1000) n"
    ended = sql("sql-query", query=large, maxRows=10000)
    assert (ended.outputs["rowCount"], ended.outputs["truncated"]) == (10, True)


@pytest.mark.parametrize(
    "query",
    [
        "UPDATE orders SET state = 'gone' RETURNING id",
        "WITH gone AS (DELETE FROM orders RETURNING id) SELECT * FROM gone",
        "DROP TABLE orders",
        "SELECT 1; DROP TABLE orders",
        "SELECT set_config('transaction_read_only', 'off', false)",
    ],
)
def test_a_query_changes_nothing(sql: ActionRun, postgresql: PostgresqlServer, query: str) -> None:
    before = postgresql.sql("SELECT count(*) FROM orders WHERE state <> 'gone'",
                            database=sql.parameters["database"])  # fmt: skip
    ended = sql("sql-query", query=query)
    assert ended.code == PERMANENT, ended
    assert postgresql.sql("SELECT count(*) FROM orders WHERE state <> 'gone'",
                          database=sql.parameters["database"]) == before  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"query": "SELEKT 1"}, 'syntax error at or near "SELEKT" (SQLSTATE 42601)'),
        ({"query": "SELECT * FROM nowhere"}, 'relation "nowhere" does not exist'),
        ({"query": "SELECT $1::int AS n", "args": ["x"]}, "$1"),
        ({"query": "SELECT $1::int AS n", "args": []}, "1 argument"),
        ({"query": "SELECT 1 AS n, 2 AS n"}, "several columns are named 'n'"),
        ({"database": "nowhere"}, 'database "nowhere" does not exist'),
        ({"user": "reader", "query": "SELECT * FROM pg_authid"}, "permission denied"),
        ({"caCertificate": ""}, "TLS with the database failed: "),
        ({"caCertificate": "x"}, "caCertificate contains no certificate in PEM format"),
    ],
)
def test_what_another_attempt_cannot_mend_is_permanent(
    sql: ActionRun, changed: dict[str, Any], words: str
) -> None:
    ended = sql("sql-query", **{"query": "SELECT 1 AS n", **changed})
    assert (ended.code, words in ended.message) == (PERMANENT, True), ended.message


def test_a_wrong_password_is_permanent_and_not_shown(
    sql: ActionRun, capfd: pytest.CaptureFixture[str]
) -> None:
    wrong = replace(sql, secrets={"password": "wrong-password"})
    ended = wrong("sql-query", query="SELECT 1 AS n")
    assert (ended.code, "password authentication failed" in ended.message) == (PERMANENT, True)
    query = replace(sql, secrets={"password": PASSWORD})("sql-query", query=f"SELEKT '{PASSWORD}'")
    assert PASSWORD not in query.message + "".join(capfd.readouterr())


def test_the_server_is_verified_unless_the_mode_says_otherwise(sql: ActionRun) -> None:
    query = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
    for mode, encrypted in (("verify-full", True), ("require", True), ("disable", False)):
        trusted = sql.parameters["caCertificate"] if mode == "verify-full" else ""
        ended = sql("sql-query", query=query, tlsMode=mode, caCertificate=trusted)
        assert ended.outputs["rows"] == [{"ssl": encrypted}], ended.message
    assert sql("sql-query", query=query, host="127.0.0.2").code == 1  # nothing listens there


def test_a_server_without_tls_is_refused(sql: ActionRun, postgresql: PostgresqlServer) -> None:
    def uses_tls(on: str) -> bool:
        return postgresql.sql("SHOW ssl") == on

    try:
        postgresql.sql("ALTER SYSTEM SET ssl = off", "SELECT pg_reload_conf()")
        eventually(lambda: uses_tls("off"))
        ended = sql("sql-query", query="SELECT 1 AS n")
        assert (ended.code, "rejected SSL upgrade" in ended.message) == (PERMANENT, True), ended
    finally:
        postgresql.sql("ALTER SYSTEM RESET ssl", "SELECT pg_reload_conf()")
        eventually(lambda: uses_tls("on"))


def test_no_connection_and_no_answer_in_time_are_retried(sql: ActionRun) -> None:
    ended = sql("sql-query", query="SELECT 1 AS n", port=free_port())
    assert (ended.code, "cannot reach the database" in ended.message) == (1, True), ended
    ended = sql("sql-query", query="SELECT pg_sleep(1000)::text AS n", timeout="1s")
    assert ended.code == 1, ended


def test_a_lost_connection_is_retried(sql: ActionRun, postgresql: PostgresqlServer) -> None:
    cut = (
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
        "WHERE query LIKE '%pg_sleep(500)%' AND pid <> pg_backend_pid()"
    )
    cutting = threading.Thread(target=lambda: eventually(lambda: postgresql.sql(cut) == "1"))
    cutting.start()
    ended = sql("sql-query", query="SELECT pg_sleep(500)::text AS n")
    cutting.join()
    assert ended.code == 1, ended


def test_statements_are_carried_out_together(sql: ActionRun) -> None:
    ended = sql("sql-execute", statements=[
        {"sql": "INSERT INTO orders VALUES ($1, $2, $3)", "args": [1001, "new", "9.99"]},
        {"sql": "UPDATE orders SET state = $1 WHERE id > $2", "args": ["late", 1000]},
        {"sql": "CREATE TABLE extra (n int)"},
    ])  # fmt: skip
    assert ended.outputs == {
        "affectedRows": 2,
        "results": [
            {"command": "INSERT", "rows": 1},
            {"command": "UPDATE", "rows": 1},
            {"command": "CREATE TABLE", "rows": 0},
        ],
        "repeated": False,
        "truncated": False,
    }, ended.message


@pytest.mark.parametrize(
    ("last", "words"),
    [
        ({"sql": "INSERT INTO orders VALUES (1, 'again', 0)"}, "duplicate key value violates"),
        ({"sql": "DELETE FROM orders", "expectRows": 1}, "statements[1]: DELETE affected "),
        ({"sql": "DELETE FROM orders; DROP TABLE orders"}, "multiple commands"),
    ],
)
def test_a_statement_that_fails_leaves_nothing_changed(
    sql: ActionRun, last: dict[str, Any], words: str
) -> None:
    first = {"sql": "UPDATE orders SET state = 'half' WHERE id = 2", "expectRows": 1}
    ended = sql("sql-execute", statements=[first, last])
    assert (ended.code, words in ended.message) == (PERMANENT, True), ended.message
    assert "again" not in ended.message  # the row's values stay in the database
    found = sql("sql-query", query="SELECT state FROM orders WHERE id = 2")
    assert found.outputs["rows"] == [{"state": "open"}]


def test_a_retry_with_a_key_table_changes_nothing_again(sql: ActionRun) -> None:
    change = {"sql": "UPDATE orders SET total = total + 1 WHERE id = 3"}
    run: dict[str, Any] = {"statements": [change], "keyTable": "public.automation_keys"}
    first = sql("sql-execute", **run)
    assert (first.outputs["affectedRows"], first.outputs["repeated"]) == (1, False), first.message
    second = sql("sql-execute", attempt=2, **run)
    assert (second.outputs["affectedRows"], second.outputs["repeated"]) == (0, True)
    found = sql("sql-query", query="SELECT total FROM orders WHERE id = 3")
    assert found.outputs["rows"] == [{"total": "4.00"}]
    sql("sql-execute", statements=[{"sql": "DELETE FROM automation_keys"}])


@pytest.mark.parametrize(
    ("last", "words"),
    [
        ("COMMIT", "statements[1]: COMMIT ended the transaction"),
        ("COMMIT AND CHAIN", "statements[1]: COMMIT ended the transaction"),
        ("DO 'BEGIN COMMIT; END'", "invalid transaction termination"),
    ],
)
def test_a_transaction_that_a_statement_ends_is_an_error(
    sql: ActionRun, monkeypatch: pytest.MonkeyPatch, last: str, words: str
) -> None:
    monkeypatch.setattr(sql_execute, "_OF_TRANSACTIONS", re.compile("(?!)"))  # recognises none
    statements = [{"sql": "UPDATE orders SET state = state WHERE id = 4"}, {"sql": last}]
    ended = sql("sql-execute", statements=[*statements, {"sql": "DELETE FROM orders"}])
    assert (ended.code, words in ended.message) == (PERMANENT, True), ended.message
    assert sql("sql-query", query="SELECT id FROM orders WHERE id = 4").outputs["rowCount"] == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"statements": []},
        {"statements": [{"sql": " commit"}]},
        {"statements": [{"sql": "/**/COMMIT"}]},
        {"statements": [{"sql": ";COMMIT"}]},
        {"statements": [{"sql": "-- first\nCOMMIT"}]},
        {"statements": [{"sql": "/* /* -- */ ; */ ; /**/ COMMIT AND CHAIN"}]},
        {"statements": [{"sql": "PREPARE/**/TRANSACTION 'x'"}]},
        {"statements": [{"sql": "x", "params": []}]},
        {"keyTable": 'keys" (key) SELECT 1; --'},
    ],
)
def test_invalid_parameters_are_refused(sql: ActionRun, wrong: dict[str, Any]) -> None:
    ended = sql("sql-execute", **{"statements": [{"sql": "DELETE FROM orders"}], **wrong})
    assert (ended.code, next(iter(wrong)) in ended.message) == (USAGE, True), ended.message


@pytest.mark.parametrize("action", ["sql-query", "sql-execute"])
def test_the_example_runs(sql: ActionRun, action: str) -> None:
    (parameters,) = example(action)
    for name in ("host", "port", "database", "password"):
        del parameters[name]
    ended = sql(action, **parameters)
    assert ended.code == 0, ended.message
