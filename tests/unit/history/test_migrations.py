"""The schema, in both directions."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect, text

from orchestrator.history.database import engine_of, migrate, transaction
from orchestrator.history.selection import Selection
from orchestrator.history.store import Store
from orchestrator.history.tables import METADATA
from tests.databases import new_database
from tests.postgresql import ADMINISTRATOR, PASSWORD, PostgresqlServer
from tests.unit.history.executions import entry


def _differences(connection: Connection) -> Any:
    def compared(_: Any, name: str | None, *__: Any) -> bool:
        return name != "executions_search"  # only where PostgreSQL has the extension

    options = {"compare_type": True, "include_object": compared}
    return compare_metadata(MigrationContext.configure(connection, opts=options), METADATA)


def _tables(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names())


async def test_the_migrations_make_the_tables_that_queries_expect(store: Store) -> None:
    async with transaction(store.engine) as connection:
        assert await connection.run_sync(_differences) == []


async def test_the_schema_goes_down_and_up_again(url: str) -> None:
    engine = engine_of(url)
    try:
        for _ in range(2):
            await migrate(engine)
            await migrate(engine)  # nothing is left to do
            async with transaction(engine) as connection:
                tables = await connection.run_sync(_tables)
            assert tables == {*METADATA.tables, "alembic_version"}
            await migrate(engine, "base")
            async with transaction(engine) as connection:
                assert await connection.run_sync(_tables) == {"alembic_version"}
    finally:
        await engine.dispose()


async def test_several_replicas_migrate_at_once(url: str) -> None:
    stores = [Store(url) for _ in range(4 if url.startswith("postgresql") else 1)]
    await asyncio.gather(*(store.migrate() for store in stores))
    assert await stores[0].record([entry("run")]) == {"uid-shop-run"}
    for store in stores:
        await store.close()


async def test_the_schema_of_a_newer_version_is_refused(store: Store) -> None:
    async with transaction(store.engine) as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ValueError, match="9999 of a newer version"):
        await store.migrate()


@pytest.mark.parametrize(("user", "indexed"), [(ADMINISTRATOR, 1), ("plain", None)])
async def test_searches_use_an_index_where_the_user_may_create_the_extension(
    postgresql: PostgresqlServer, user: str, indexed: int | None
) -> None:
    """Elsewhere they read the executions in the order of the list."""
    administrator = new_database(postgresql)
    name = administrator.partition("?")[0].rpartition("/")[2]
    if user != ADMINISTRATOR:
        postgresql.sql(f"CREATE ROLE {user} LOGIN PASSWORD '{PASSWORD}'")
        postgresql.sql(f"GRANT ALL ON SCHEMA public TO {user}", database=name)
    store = Store(administrator.replace(ADMINISTRATOR, user))
    try:
        await store.migrate()
        async with transaction(store.engine) as connection:
            query = "SELECT 1 FROM pg_indexes WHERE indexname = 'executions_search'"
            assert (await connection.execute(text(query))).scalar() == indexed
        await store.record([entry("run", message="exit code 7")])
        found = await store.page(Selection(text="CODE 7"))
        assert [item.name for item in found.items] == ["run"]
    finally:
        await store.close()
