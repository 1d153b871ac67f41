"""The history for requests: only read, and left out with the reason while it cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest
from anyio import to_thread
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from orchestrator.api.history_reader import HistoryReader
from orchestrator.api.history_responses import HistoryUnavailableError
from orchestrator.history.database import UnavailableError, engine_of, transaction
from orchestrator.history.store import Store


async def problem_of(url: str) -> str:
    """Why a reader leaves out the history."""
    reader = HistoryReader(url)
    try:
        problem = await to_thread.run_sync(reader.problem)
        if problem:
            with pytest.raises(HistoryUnavailableError, match=problem):
                await to_thread.run_sync(reader.get, "uid")
        return problem
    finally:
        await reader.close()


async def test_a_schema_of_another_version_is_not_read(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'history.db'}"
    store = Store(url)
    await store.migrate()
    assert await problem_of(url) == ""
    for version, said in (("0001", "of an older version"), ("9999", "of a newer version")):
        async with transaction(store.engine) as connection:
            await connection.execute(
                text("UPDATE alembic_version SET version_num = :version"), {"version": version}
            )
        assert f"the database has the schema {version} {said}" in await problem_of(url)
    await store.close()


async def test_a_database_that_is_missing_is_not_created(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    assert await problem_of(f"sqlite:///{path}") == "the database does not answer"
    assert not path.exists()


async def test_a_database_that_is_only_read_refuses_to_write(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a history.db'}"
    store = Store(url)
    await store.migrate()
    await store.close()
    engine = engine_of(url, read_only=True)
    with pytest.raises((DBAPIError, UnavailableError), match="readonly"):
        async with transaction(engine) as connection:
            await connection.execute(text("DELETE FROM executions"))
    await engine.dispose()
