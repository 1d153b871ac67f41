"""The metrics of the receiver: by Trigger, and bounded whatever strangers send."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.receiver_environment import (
    BEARER,
    TOKEN,
    ReceiverEnvironment,
    new_store,
    put_trigger,
    receiver_environment,
)

PREFIX = "itechsmart_workflow_receiver_"
WRONG = {**BEARER, "Authorization": "Bearer wrong"}


@pytest.fixture
async def env() -> AsyncIterator[ReceiverEnvironment]:
    store = new_store()
    put_trigger(store, "hook", **TOKEN)
    async with receiver_environment(store) as env:
        await env.received("hook")
        yield env


def values(env: ReceiverEnvironment, metric: str, **labels: str) -> dict[str, float]:
    """The samples of a metric with these labels, by their remaining labels."""
    found = {}
    for family in text_string_to_metric_families(env.receiver.shared.metrics.text().decode()):
        for sample in family.samples:
            if sample.name == PREFIX + metric and labels.items() <= sample.labels.items():
                rest = {name: text for name, text in sample.labels.items() if name not in labels}
                found[",".join(rest.values())] = sample.value
    return found


async def test_what_becomes_of_requests_and_events_is_counted_by_trigger(
    env: ReceiverEnvironment,
) -> None:
    hook = {"namespace": "shop", "trigger": "hook", "type": "webhook"}
    assert values(env, "requests_total", **hook) == {"401": 0, "429": 0, "503": 0}
    assert set(values(env, "events_total", **hook).values()) == {0}
    await env.post("hook", {"a": 1})
    await env.post("hook", {"a": 1}, WRONG)
    assert values(env, "requests_total", **hook) == {"202": 1, "401": 1, "429": 0, "503": 0}
    assert values(env, "events_total", **hook, outcome="started") == {"": 1}


async def test_paths_of_strangers_make_no_series(env: ReceiverEnvironment) -> None:
    for number in range(20):
        assert (await env.post(f"none-{number}", {}, WRONG))[0] == 401
    codes = ("401", "429", "503")
    assert set(values(env, "requests_total", trigger="hook", namespace="shop", type="webhook")) == {
        *codes
    }
    assert set(values(env, "requests_total", type="unknown")) == {"401,,"}
    assert values(env, "requests_total", type="unknown", code="401") == {",": 20}


async def test_events_that_are_not_stored_are_counted(env: ReceiverEnvironment) -> None:
    env.store.away = True
    assert (await env.post("hook", {"a": 1}))[0] == 503
    env.store.away = False
    failures = values(env, "store_failures_total", trigger="hook")
    assert list(failures.values()) == [1]


async def test_the_series_of_a_deleted_trigger_are_removed(env: ReceiverEnvironment) -> None:
    await env.post("hook", {"a": 1})
    env.store.remove(("triggers", "shop", "hook"))
    async with asyncio.timeout(30):
        while env.receiver.shared.triggers.get("shop", "hook") is not None:  # noqa: ASYNC110 - a cache has no event
            await asyncio.sleep(0.01)
    for metric in ("requests_total", "events_total", "store_failures_total"):
        assert values(env, metric, trigger="hook") == {}
