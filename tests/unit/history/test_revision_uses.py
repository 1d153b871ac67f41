"""The revisions that recorded executions of a Workflow ran."""

from __future__ import annotations

from orchestrator.history.revision_uses import RecordedUse, recorded_uses
from orchestrator.history.store import Store
from tests.unit.history.executions import START, entry


async def test_each_revision_has_its_first_and_its_last_use(store: Store) -> None:
    await store.record(
        [
            entry("a", at=START, revision="deploy-1"),
            entry("b", at=START + 60, revision="deploy-1"),
            entry("c", at=START + 120, revision="deploy-1"),
            entry("d", at=START + 180, revision="deploy-2"),
            entry("e", workflow="other"),
            entry("f", namespace="bank"),
            entry("never-admitted", seconds=None, phase="Cancelled"),
        ]
    )
    created = round((START - 61) * 1000)
    first = RecordedUse("deploy-1", created, created + 120_000, 3)
    second = RecordedUse("deploy-2", created + 180_000, created + 180_000, 1)
    found = await recorded_uses(store.engine, "shop", "deploy", set())
    assert sorted(found, key=lambda use: use.name) == [first, second]
    left = await recorded_uses(store.engine, "shop", "deploy", {"uid-shop-c", "uid-shop-d"})
    assert left == [RecordedUse("deploy-1", created, created + 60_000, 2)]
    assert await recorded_uses(store.engine, "shop", "unknown", set()) == []
