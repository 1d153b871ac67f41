"""The metrics of the receiver: by Trigger, and bounded whatever strangers send."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.receiving import BEARER, TOKEN, Place, new_store, put_trigger, receiving

PREFIX = "itechsmart_workflow_receiver_"
WRONG = {**BEARER, "Authorization": "Bearer wrong"}


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    store = new_store()
    put_trigger(store, "hook", **TOKEN)
    async with receiving(store) as place:
        await place.received("hook")
        yield place


def values(place: Place, metric: str, **labels: str) -> dict[str, float]:
    """The samples of a metric with these labels, by their remaining labels."""
    found = {}
    for family in text_string_to_metric_families(place.receiver.shared.figures.text().decode()):
        for sample in family.samples:
            if sample.name == PREFIX + metric and labels.items() <= sample.labels.items():
                rest = {name: text for name, text in sample.labels.items() if name not in labels}
                found[",".join(rest.values())] = sample.value
    return found


async def test_what_becomes_of_requests_and_events_is_counted_by_trigger(place: Place) -> None:
    hook = {"namespace": "shop", "trigger": "hook", "type": "webhook"}
    assert values(place, "requests_total", **hook) == {"401": 0, "429": 0, "503": 0}
    assert set(values(place, "events_total", **hook).values()) == {0}
    await place.post("hook", {"a": 1})
    await place.post("hook", {"a": 1}, WRONG)
    assert values(place, "requests_total", **hook) == {"202": 1, "401": 1, "429": 0, "503": 0}
    assert values(place, "events_total", **hook, outcome="started") == {"": 1}


async def test_paths_of_strangers_make_no_series(place: Place) -> None:
    for number in range(20):
        assert (await place.post(f"none-{number}", {}, WRONG))[0] == 401
    codes = ("401", "429", "503")
    assert set(
        values(place, "requests_total", trigger="hook", namespace="shop", type="webhook")
    ) == {*codes}
    assert set(values(place, "requests_total", type="unknown")) == {"401,,"}
    assert values(place, "requests_total", type="unknown", code="401") == {",": 20}


async def test_events_that_are_not_stored_are_counted(place: Place) -> None:
    place.store.away = True
    assert (await place.post("hook", {"a": 1}))[0] == 503
    place.store.away = False
    failures = values(place, "store_failures_total", trigger="hook")
    assert list(failures.values()) == [1]


async def test_the_series_of_a_deleted_trigger_are_removed(place: Place) -> None:
    await place.post("hook", {"a": 1})
    place.store.remove(("triggers", "shop", "hook"))
    async with asyncio.timeout(30):
        while place.receiver.shared.triggers.get("shop", "hook") is not None:  # noqa: ASYNC110 - a cache has no event
            await asyncio.sleep(0.01)
    for metric in ("requests_total", "events_total", "store_failures_total"):
        assert values(place, metric, trigger="hook") == {}
