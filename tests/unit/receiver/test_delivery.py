"""Accepted means stored: each event one execution, whatever happens between sender and store."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import aiohttp
import pytest

from orchestrator.kube.errors import ApiError
from orchestrator.models.labels import NOT_BEFORE, TRIGGER
from orchestrator.receiver import statuses
from orchestrator.receiver.limits import Limits
from orchestrator.triggers.plan import execution_name
from tests.receiver_environment import (
    BEARER,
    NAMESPACE,
    TOKEN,
    executions,
    new_store,
    put_trigger,
    receiver_environment,
    status_of,
)
from tests.simulation.faults import Faults
from tests.simulation.store import Store


def delivery(number: int) -> dict[str, str]:
    return {**BEARER, "X-Id": str(number)}


async def test_an_event_is_answered_with_its_execution_once_it_is_stored() -> None:
    store = new_store()
    put_trigger(store, "hook", **TOKEN)
    async with receiver_environment(store) as env:
        status, body, _ = await env.post("hook", {"a": 1}, delivery(1))
        (execution,) = executions(store, "hook")
        assert (status, body) == (
            202,
            {"outcome": "started", "execution": execution["metadata"]["name"]},
        )
        again = await env.post("hook", {"a": 1}, delivery(1))
        assert again[:2] == (202, {**body, "outcome": "deduplicated"})
    counts = status_of(store, "hook")["counts"]
    assert counts == {"received": 2, "started": 1, "deduplicated": 1}


async def test_while_the_api_server_is_away_the_sender_tries_again_and_nothing_is_lost() -> None:
    store = new_store()
    put_trigger(store, "hook", **TOKEN)
    async with receiver_environment(store, limits=Limits(store_seconds=2.0)) as env:
        await env.received("hook")
        assert (await env.post("hook", {}, delivery(0)))[0] == 202
        store.away = True
        for number in (1, 2):
            status, body, headers = await env.post("hook", {}, delivery(number))
            assert status == 503
            assert int(headers["Retry-After"]) > 0
            assert "try again" in body["message"]
        store.away = False
        for number in (1, 2):
            assert (await env.post("hook", {}, delivery(number)))[1]["outcome"] == "started"
    assert len(executions(store, "hook")) == 3
    assert status_of(store, "hook")["counts"] == {"received": 3, "started": 3}


async def test_simultaneous_deliveries_to_two_receivers_are_one_execution() -> None:
    store = new_store()
    put_trigger(store, "hook", **TOKEN)
    put_trigger(store, "keyed", **TOKEN, dedupe={"key": "event.body.key", "window": "1h"})
    async with (
        receiver_environment(store, seed=1) as one,
        receiver_environment(store, seed=2) as two,
    ):
        places = (one, two)
        work = [env.post("hook", {}, delivery(1)) for env in places * 10]
        # Different deliveries with the same key.
        work += [
            env.post("keyed", {"key": "a"}, delivery(number))
            for number, env in enumerate(places * 10)
        ]
        answers = await asyncio.gather(*work)
    assert {status for status, *_ in answers} == {202}
    for of_trigger in (answers[:20], answers[20:]):
        assert [body["outcome"] for _, body, _ in of_trigger].count("started") == 1
        assert len({body["execution"] for _, body, _ in of_trigger}) == 1
    assert len(executions(store, "hook")) == len(executions(store, "keyed")) == 1


@pytest.mark.parametrize("seed", range(4))
async def test_with_a_bad_network_each_event_that_senders_repeat_is_one_execution(
    seed: int,
) -> None:
    store, rng = new_store(), random.Random(seed)
    put_trigger(store, "hook", **TOKEN)
    put_trigger(store, "keyed", **TOKEN, dedupe={"key": "event.body.key", "window": "1h"})
    faults = Faults(
        lost=0.15, busy=0.1, conflict=0.2, lag=0.2, doubled=0.1, cut=0.02, merged=0.1, expired=0.3
    )
    limits = Limits(store_seconds=1.0)
    async with (
        receiver_environment(store, faults=faults, seed=seed, limits=limits) as one,
        receiver_environment(store, faults=faults, seed=seed + 99, limits=limits) as two,
    ):

        async def send(number: int) -> None:
            trigger = "keyed" if number % 3 == 0 else "hook"
            body = {"key": number % 9}
            while True:
                env = rng.choice((one, two))
                status, *_ = await env.post(trigger, body, delivery(number))
                if status == 202:
                    return
                assert status in (429, 503)
                await asyncio.sleep(rng.random() * 0.1)

        await asyncio.gather(*(send(number % 60) for number in range(120)))
        faults.stop()
    assert len(executions(store, "hook")) == 40
    assert len(executions(store, "keyed")) == 3


async def test_a_rate_limit_is_exact_within_a_receiver() -> None:
    store = new_store()
    put_trigger(store, "limited", **TOKEN, rateLimit={"limit": 5, "period": "1h", "policy": "Drop"})
    async with receiver_environment(store) as env:
        work = [env.post("limited", {}, delivery(number)) for number in range(20)]
        answers = await asyncio.gather(*work)
    outcomes = [body["outcome"] for _, body, _ in answers]
    assert (outcomes.count("started"), outcomes.count("limited")) == (5, 15)
    assert len(executions(store, "limited")) == 5


async def test_events_over_the_limit_are_stored_and_wait_for_a_slot_each() -> None:
    store = new_store()
    put_trigger(store, "queued", **TOKEN, rateLimit={"limit": 5, "period": "1m"})
    async with receiver_environment(store) as env:
        work = [env.post("queued", {}, delivery(number)) for number in range(20)]
        answers = await asyncio.gather(*work)
    assert [body["outcome"] for _, body, _ in answers].count("limited") == 0
    starts = [raw["metadata"]["labels"].get(NOT_BEFORE) for raw in executions(store, "queued")]
    assert (len(starts), starts.count(None)) == (20, 5)
    first = min(float(text) for text in starts if text)
    for later in range(3):
        due = [text for text in starts if text and 0 <= float(text) - first - 60 * later < 30]
        assert len(due) == 5


async def test_what_was_not_stored_costs_no_other_event_its_place_under_a_limit() -> None:
    """Two creations are under way, of which the limit admits one more: the first fails."""
    store = new_store()
    put_trigger(store, "limited", **TOKEN, rateLimit={"limit": 1, "period": "1h", "policy": "Drop"})
    async with receiver_environment(store, latency=0.2) as env:
        await env.received("limited")

        def fail_once(path: str) -> None:
            if path.endswith("/workflowexecutions"):
                env.transport.on_create = lambda _: None
                raise aiohttp.ServerDisconnectedError("the request was lost")

        env.transport.on_create = fail_once
        work = [env.post("limited", {}, delivery(number)) for number in range(3)]
        answers = await asyncio.gather(*work)
    found = sorted(body.get("outcome", str(status)) for status, body, _ in answers)
    assert found == ["503", "limited", "started"]


async def test_a_new_window_starts_the_next_execution_of_a_key() -> None:
    store = new_store()
    put_trigger(store, "keyed", **TOKEN, dedupe={"key": "event.body.key", "window": "1s"})
    async with receiver_environment(store) as env:
        first = await env.post("keyed", {"key": "a"}, delivery(1))
        within = await env.post("keyed", {"key": "a"}, delivery(2))
        assert [body["outcome"] for _, body, _ in (first, within)] == ["started", "deduplicated"]
        assert within[1]["execution"] == first[1]["execution"]
        await asyncio.sleep(2.1)  # the API server's timestamps are whole seconds
        third = await env.post("keyed", {"key": "a"}, delivery(3))
        assert third[1]["outcome"] == "started"
        late = await env.post("keyed", {"key": "a"}, delivery(1))
        assert late[1] == {"outcome": "deduplicated", "execution": first[1]["execution"]}


async def test_an_event_that_fails_is_not_retried_and_is_reported() -> None:
    store = new_store()
    put_trigger(store, "hook", **TOKEN, filter="event.body.missing > 1")
    async with receiver_environment(store) as env:
        status, body, _ = await env.post("hook", {"a": 1})
        assert (status, body["outcome"]) == (422, "failed")
        assert "spec.filter" in body["message"]
    found = status_of(store, "hook")
    assert found["counts"] == {"received": 1, "failed": 1}
    assert "spec.filter" in found["lastError"]["message"]


async def test_a_filtered_event_is_accepted_and_starts_nothing() -> None:
    store = new_store()
    put_trigger(store, "hook", **TOKEN, filter="event.body.a > 1")
    async with receiver_environment(store) as env:
        assert (await env.post("hook", {"a": 1}))[:2] == (202, {"outcome": "filtered"})
    assert executions(store, "hook") == []


async def test_a_batch_is_answered_event_by_event() -> None:
    store = new_store()
    put_trigger(store, "events", event={"bearer": TOKEN["webhook"]["bearer"] | {"idHeader": None}})
    batch: list[dict[str, Any]] = [
        {"specversion": "1.0", "source": "/a", "type": "t", "id": id_, "data": {}}
        for id_ in ("1", "2", "1")
    ]
    headers = {**BEARER, "Content-Type": "application/cloudevents-batch+json"}
    async with receiver_environment(store) as env:
        status, body, _ = await env.post("events", batch, headers)
    assert status == 202
    outcomes = [each["outcome"] for each in body["events"]]
    assert sorted(outcomes[::2]) == ["deduplicated", "started"]
    assert outcomes[1] == "started"
    assert len(executions(store, "events")) == 2


async def test_a_graceful_end_finishes_requests_in_flight_and_writes_the_counts() -> None:
    store = new_store()
    put_trigger(store, "hook", **TOKEN)
    async with receiver_environment(store, latency=0.5) as env:
        await env.received("hook")
        under_way = asyncio.Semaphore(0)
        env.transport.on_create = lambda _: under_way.release()
        work = [asyncio.create_task(env.post("hook", {}, delivery(at))) for at in range(5)]
        for _ in range(5):
            await under_way.acquire()
        await env.end()
        answers = await asyncio.gather(*work)
    assert [status for status, *_ in answers] == [202] * 5
    assert status_of(store, "hook")["counts"] == {"received": 5, "started": 5}


async def test_a_graceful_end_waits_for_counts_that_are_being_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = new_store()
    put_trigger(store, "hook", **TOKEN)
    monkeypatch.setattr(statuses, "FLUSH_SECONDS", 0.05)
    async with receiver_environment(store) as env:
        await env.received("hook")
        exchange, writes = env.transport.exchange, asyncio.Event()

        async def slow(verb: str, path: str, *rest: Any) -> Any:
            if verb == "patch" and path.endswith("/hook/status"):
                writes.set()
                await asyncio.sleep(0.3)
            return await exchange(verb, path, *rest)

        monkeypatch.setattr(env.transport, "exchange", slow)
        await env.post("hook", {}, delivery(1))
        await writes.wait()
        await env.end()
    assert status_of(store, "hook")["counts"] == {"received": 1, "started": 1}


def forged(store: Store, name: str, **labels: str) -> None:
    """An execution that someone created by hand."""
    metadata = {"name": name, "namespace": NAMESPACE, "labels": labels}
    store.create(
        "workflowexecutions", NAMESPACE, {"metadata": metadata, "spec": {"workflow": "greet"}}
    )


async def test_labels_that_claim_a_trigger_count_for_nothing() -> None:
    store = new_store()
    put_trigger(store, "hook", **TOKEN, rateLimit={"limit": 1, "period": "1h", "policy": "Drop"})
    uid = store.objects["triggers", NAMESPACE, "hook"]["metadata"]["uid"]
    for number in range(3):
        forged(store, f"forged-{number}", **{TRIGGER: uid})
    async with receiver_environment(store) as env:
        assert (await env.post("hook", {}, delivery(1)))[1]["outcome"] == "started"


async def test_a_taken_name_is_passed_over_and_repeats_nothing_after_a_restart() -> None:
    store = new_store()
    put_trigger(store, "hook", **TOKEN)
    uid = store.objects["triggers", NAMESPACE, "hook"]["metadata"]["uid"]
    taken = execution_name("hook", uid, "1")
    forged(store, taken)
    async with receiver_environment(store) as env:
        status, body, _ = await env.post("hook", {}, delivery(1))
        assert (status, body["outcome"]) == (202, "started")
        assert body["execution"] != taken
    store.remove(("workflowexecutions", NAMESPACE, taken))
    async with receiver_environment(store) as env:
        again = await env.post("hook", {}, delivery(1))
        assert again[1] == {"outcome": "deduplicated", "execution": body["execution"]}
    assert [raw["reason"] for raw in store.all("events")] == ["NameTaken"]


async def test_a_quota_is_reported_and_the_sender_tries_again() -> None:
    store = new_store()
    put_trigger(store, "hook", **TOKEN)
    async with receiver_environment(store) as env:
        await env.received("hook")

        def refuse(path: str) -> None:
            if path.endswith("/workflowexecutions"):
                message = (
                    'workflowexecutions "x" is forbidden: exceeded quota: executions, requested: '
                    "count/workflowexecutions=1, used: 5, limited: 5"
                )
                raise ApiError(403, "Forbidden", message)

        env.transport.on_create = refuse
        status, body, headers = await env.post("hook", {}, delivery(1))
        assert (status, int(headers["Retry-After"])) == (503, 30)
        assert "quota" in body["message"]
        env.transport.on_create = lambda _: None
        assert (await env.post("hook", {}, delivery(1)))[1]["outcome"] == "started"
    assert "quota" in status_of(store, "hook")["lastError"]["message"]
    assert status_of(store, "hook")["counts"] == {"received": 1, "started": 1}


async def test_what_another_policy_refuses_fails_for_good() -> None:
    store = new_store()
    put_trigger(store, "hook", **TOKEN)
    async with receiver_environment(store) as env:
        await env.received("hook")

        def refuse(path: str) -> None:
            if path.endswith("/workflowexecutions"):
                raise ApiError(422, "Invalid", "admission webhook denied the request: not today")

        env.transport.on_create = refuse
        status, body, _ = await env.post("hook", {}, delivery(1))
        assert (status, body["outcome"], "not today" in body["message"]) == (422, "failed", True)
