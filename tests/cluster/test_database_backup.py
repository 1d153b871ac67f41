"""database-backup and restore-verify, Templates of YAML alone, with a real PostgreSQL server."""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dev.ports import free_port
from tests.actions import ScriptRun
from tests.examples import example
from tests.postgresql import PASSWORD, PostgresqlServer

PROVES = {"PostgreSQL, pg_dump and pg_restore": ["database-backup", "restore-verify"]}

PERMANENT, RETRY = 65, 1


@pytest.fixture(scope="module")
def shop(postgresql: PostgresqlServer) -> Iterator[str]:
    """A database with types, schemas, partitions and names that need quotes."""
    name = f"backup_{uuid.uuid4().hex[:8]}"
    postgresql.sql(f"CREATE DATABASE {name}")
    postgresql.sql(
        "CREATE TABLE orders (id int PRIMARY KEY, total numeric, at timestamptz, note text)",
        "INSERT INTO orders SELECT n, n / 3.0, now(), 'tab\t' || n FROM generate_series(1, 500) n",
        'CREATE SCHEMA "Odd; DROP"',
        """CREATE TABLE "Odd; DROP"."it's" (f float8, j jsonb, b bytea)""",
        """INSERT INTO "Odd; DROP"."it's" VALUES (0.1, '{"a": 1}', '\\x00ff')""",
        "CREATE TABLE logs (day date, line text) PARTITION BY RANGE (day)",
        "CREATE TABLE logs_2026 PARTITION OF logs FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')",
        "INSERT INTO logs VALUES ('2026-02-03', 'x'), ('2026-02-04', 'x')",
        "CREATE TABLE nothing (n int)",
        "CREATE VIEW large AS SELECT * FROM orders WHERE total > 100",
        database=name,
    )
    yield name
    postgresql.sql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def action(postgresql: PostgresqlServer, tmp_path: Path) -> ScriptRun:
    path = f"{postgresql.programs}:{os.environ['PATH']}"
    return ScriptRun(tmp_path, path, {"password": PASSWORD}, postgresql.parameters())


def databases(postgresql: PostgresqlServer) -> set[str]:
    return set(postgresql.sql("SELECT datname FROM pg_database").splitlines())


def test_a_backup_is_restored_and_agrees(
    action: ScriptRun, postgresql: PostgresqlServer, shop: str
) -> None:
    backup = action("database-backup", database=shop, file="daily/shop.dump")
    assert backup.code == 0, backup.message
    content = (action.folder / "workspace/daily/shop.dump").read_bytes()
    assert content.startswith(b"PGDMP")
    assert backup.outputs == {
        "file": "daily/shop.dump",
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "tables": 4,
        "rows": 503,
    }
    before = databases(postgresql)
    sha256 = backup.outputs["sha256"]
    verified = action("restore-verify", file="daily/shop.dump", sha256=sha256, jobs=2)
    assert verified.code == 0, verified.message
    assert (verified.outputs["tables"], verified.outputs["rows"]) == (4, 503)
    assert databases(postgresql) == before


def test_the_examples_run(action: ScriptRun, shop: str) -> None:
    own = {name: action.parameters[name] for name in ("host", "user")}
    variables = {"host": own["host"], "authority": action.parameters["caCertificate"]}
    given = {**variables, "password": None}
    (backup,) = example("database-backup", given, database=shop, user=own["user"])
    done = action("database-backup", **backup)
    assert done.code == 0, done.message
    (verify,) = example("restore-verify", given, **own, **done.outputs)
    assert action("restore-verify", **verify).outputs["rows"] == done.outputs["rows"]


def test_a_kept_database_has_the_rows_and_the_next_attempt_replaces_it(
    action: ScriptRun, postgresql: PostgresqlServer, shop: str
) -> None:
    action("database-backup", database=shop)
    kept = action("restore-verify", keep=True)
    name = kept.outputs["database"]
    assert postgresql.sql("SELECT count(*) FROM large", database=name) == "200"
    again = action("restore-verify")
    assert (again.code, again.outputs["database"]) == (0, name)
    assert name not in databases(postgresql)


def test_a_copy_that_differs_fails_and_the_table_is_named(action: ScriptRun, shop: str) -> None:
    action("database-backup", database=shop)
    tables = action.folder / "workspace/backup.dump.tables"
    lines = tables.read_text().splitlines()
    (row,) = (line for line in lines if line.startswith("public.orders\t"))
    checksum = row.split("\t")[2]
    tables.write_text("\n".join(lines).replace(checksum, "1") + "\n")
    ended = action("restore-verify")
    assert ended.code == PERMANENT
    assert ended.message == "public.orders differs from the backup; tables that differ: 1"


def test_a_damaged_backup_fails(action: ScriptRun, postgresql: PostgresqlServer, shop: str) -> None:
    backup = action("database-backup", database=shop)
    path = action.folder / "workspace/backup.dump"
    path.write_bytes(path.read_bytes()[:-2000])
    before = databases(postgresql)
    changed = action("restore-verify", sha256=backup.outputs["sha256"])
    assert (changed.code, "does not have the SHA-256" in changed.message) == (PERMANENT, True)
    ended = action("restore-verify")
    assert (ended.code, "the restore failed: " in ended.message) == (PERMANENT, True), ended
    assert databases(postgresql) == before


def test_what_another_attempt_cannot_mend_is_permanent(
    action: ScriptRun, postgresql: PostgresqlServer, shop: str
) -> None:
    postgresql.sql(f"CREATE ROLE visitor_{shop} LOGIN PASSWORD '{PASSWORD}'")
    wrong = replace(action, secrets={"password": "wrong-password"})
    stranger = action.parameters["caCertificate"].replace("A", "B")
    for ended, words in (
        (wrong("database-backup", database=shop), "password authentication failed"),
        (action("database-backup", database="no where"), 'database "no where" does not exist'),
        (action("database-backup", database=shop, user=f"visitor_{shop}"), "permission denied"),
        (action("database-backup", database=shop, caCertificate=None), "needs caCertificate"),
        (action("database-backup", database=shop, caCertificate=stranger), "certificate"),
        (action("database-backup", database=shop, file="a/../../b"), "file must not contain .."),
        (action("restore-verify", file="missing"), "the workspace has no missing"),
        (wrong("restore-verify", file="missing"), "the workspace has no missing"),
    ):
        assert (ended.code, words in ended.message) == (PERMANENT, True), ended.message
        assert not (action.folder / "workspace/backup.dump").exists()
    postgresql.sql(f"DROP ROLE visitor_{shop}")


def test_no_connection_and_no_end_in_time_are_retried(
    action: ScriptRun, postgresql: PostgresqlServer, shop: str
) -> None:
    ended = action("database-backup", database=shop, port=free_port())
    assert (ended.code, "Connection refused" in ended.message) == (RETRY, True), ended.message
    postgresql.sql(
        "CREATE TABLE slow (n int)",
        "INSERT INTO slow VALUES (1)",
        "CREATE FUNCTION wait(slow) RETURNS text AS $$ SELECT pg_sleep(600)::text $$ LANGUAGE sql",
        "CREATE CAST (slow AS text) WITH FUNCTION wait(slow)",
        database=shop,
    )
    ended = action("database-backup", database=shop, timeout=5)
    assert (ended.code, ended.message) == (RETRY, "the backup did not end within 5 s")
    postgresql.sql("DROP TABLE slow CASCADE", database=shop)
    assert not (action.folder / "workspace/backup.dump").exists()


def test_a_workflow_without_a_workspace_is_permanent(action: ScriptRun, shop: str) -> None:
    ended = replace(action, workspace=False)("database-backup", database=shop)
    assert (ended.code, "spec.workspace" in ended.message) == (PERMANENT, True)
