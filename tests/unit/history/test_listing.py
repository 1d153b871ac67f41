"""The recorded part of a list in any order: the order of keys, without gaps and repetitions."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.history.entry import Recorded, entry_from
from orchestrator.history.keys import Key, time_key
from orchestrator.history.label_selector import requirements_of
from orchestrator.history.listing import TEXTS, TIMES, ListQuery, list_page
from orchestrator.history.removal import remove_beyond
from orchestrator.history.selection import Selection
from orchestrator.history.store import Store
from tests.unit.history.executions import START, entry, several_executions

NAMESPACES = frozenset({"shop", "bank"})


def key_of(one: Recorded, field: str) -> Key:
    attributes = {"created": "created_at", "started": "started_at", "finished": "finished_at"}
    value = getattr(one, attributes.get(field, field))
    text = time_key(value) if field in TIMES else str(value)
    return Key(text, one.namespace, one.name, one.uid)


async def keys(store: Store, query: ListQuery, without: set[str]) -> list[Key]:
    """The keys of all pages."""
    found: list[Key] = []
    after: Key | None = None
    while True:
        page = await list_page(
            store.engine,
            ListQuery(
                query.selection, query.field, query.descending, query.limit, after,
                query.created_since,
            ),
            without,
        )  # fmt: skip
        found += [key for key, _ in page.rows]
        if len(page.rows) < query.limit:
            assert page.total == len(found)
            return found
        after = page.rows[-1][0]


@settings(
    max_examples=15,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    raws=several_executions(),
    seed=st.integers(0, 1000),
    field=st.sampled_from([*TIMES, *TEXTS]),
    descending=st.booleans(),
)
async def test_pages_have_each_execution_once_in_the_order_of_keys(
    store: Store, raws: list[dict[str, Any]], seed: int, field: str, descending: bool
) -> None:
    await remove_beyond(store.engine, 0)
    rng = random.Random(seed)
    for raw in raws:  # names occur again and again
        raw["metadata"]["name"] = f"run-{rng.randrange(3)}"
    entries = [one for one in map(entry_from, raws) if one is not None]
    await store.record(entries)
    without = {one.uid for one in entries if rng.random() < 0.3}
    since = rng.choice([None, int((START + 10 * 86_400) * 1000)])
    query = ListQuery(Selection(NAMESPACES), field, descending, 3, None, since)
    expected = sorted(
        (
            key_of(one, field)
            for one in entries
            if one.namespace in NAMESPACES
            and one.uid not in without
            and (since is None or one.created_at >= since)
        ),
        reverse=descending,
    )
    assert await keys(store, query, without) == expected


@pytest.mark.parametrize(
    ("selector", "found"),
    [
        ("team=sre", "ab"),
        ("team==sre, tier", "b"),
        ("team!=sre", "cd"),
        ("!tier", "acd"),
        ("team in (sre,dev)", "abc"),
        ("team notin (sre),tier notin (web)", "cd"),
        ("tier in (web, db),app.example.com/name=x", "b"),
        ("team=", ""),
        ("", "abcd"),
    ],
)
async def test_label_selectors_select_as_those_of_the_api_server(
    store: Store, selector: str, found: str
) -> None:
    labels = {
        "a": {"team": "sre"},
        "b": {"team": "sre", "tier": "web", "app.example.com/name": "x"},
        "c": {"team": "dev"},
        "d": {},
    }
    await store.record([entry(name, labels=each) for name, each in labels.items()])
    query = ListQuery(Selection(), "name", False, 10, labels=requirements_of(selector))
    page = await list_page(store.engine, query, ())
    assert "".join(key.name for key, _ in page.rows) == found
    assert page.total == len(found)


@pytest.mark.parametrize("selector", ["a=b c", "(", "a in", "=b", "a in (b", "!"])
def test_what_is_no_label_selector_is_refused(selector: str) -> None:
    with pytest.raises(ValueError, match="is not a label selector"):
        requirements_of(selector)


async def test_any_number_of_executions_can_be_left_out(store: Store) -> None:
    await store.record([entry("one"), entry("two")])
    without = {f"uid-{number}" for number in range(40_000)} | {"uid-shop-one"}
    page = await list_page(store.engine, ListQuery(Selection(), "created", True, 10), without)
    assert [key.name for key, _ in page.rows] == ["two"]
