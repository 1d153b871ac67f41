"""API endpoints: the API server says who calls and whether they may; callers may wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.receiving import NAMESPACE, Place, executions, new_store, put_trigger, receiving

CALL = {"Content-Type": "application/json", "Authorization": "Bearer token-of-ana"}


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    store = new_store()
    put_trigger(store, "call", apiEndpoint={})
    async with receiving(store) as place:
        place.transport.users = {"token-of-ana": "ana", "token-of-bob": "bob"}
        place.transport.may_fire = frozenset({"ana"})
        await place.received("call")
        yield place


async def test_the_caller_is_the_requester_of_the_execution(place: Place) -> None:
    status, body, _ = await place.post("call", {"x": 1}, CALL)
    assert status == 202
    (execution,) = executions(place.store, "call")
    assert execution["metadata"]["name"] == body["execution"]
    assert execution["spec"]["trigger"]["requester"] == "ana"
    assert execution["spec"]["trigger"]["event"]["body"] == {"x": 1}


@pytest.mark.parametrize(
    ("authorization", "status", "said"),
    [
        ("Bearer token-of-bob", 403, "bob may not fire call: it requires the verb create on tri"),
        ("Bearer forged", 401, "the request is not verified"),
        ("Basic YTpi", 401, "the request is not verified"),
        ("", 401, "the request is not verified"),
    ],
)
async def test_others_are_refused(place: Place, authorization: str, status: int, said: str) -> None:
    answer = await place.post("call", {}, {**CALL, "Authorization": authorization})
    assert answer[0] == status
    assert answer[1]["message"].startswith(said)
    assert executions(place.store, "call") == []


async def test_a_key_makes_a_repeated_call_the_same_execution(place: Place) -> None:
    keyed = {**CALL, "Idempotency-Key": "7d0a"}
    one, two = [await place.post("call", {}, keyed) for _ in range(2)]
    assert one[1]["execution"] == two[1]["execution"]
    assert (await place.post("call", {}, CALL))[1]["outcome"] == "started"
    assert (await place.post("call", {}, CALL))[1]["outcome"] == "started"


def end(place: Place, name: str, **status: Any) -> None:
    ended = {"phase": "Succeeded", "finishedAt": "2026-01-31T12:00:00Z", **status}
    place.store.set_status(("workflowexecutions", NAMESPACE, name), **ended)


async def test_a_caller_who_waits_gets_the_result(place: Place) -> None:
    def created(plural: str, before: object, after: Any) -> None:
        if plural == "workflowexecutions" and before is None:
            name = after["metadata"]["name"]
            asyncio.get_running_loop().call_later(0.2, lambda: end(place, name, outputs={"n": 7}))

    place.store.observers.append(created)
    status, body, _ = await place.post("call", {}, CALL, query="?wait=20")
    assert status == 200
    assert (body["phase"], body["outputs"], body["outcome"]) == ("Succeeded", {"n": 7}, "started")


async def test_who_waits_in_vain_is_answered_as_if_they_had_not(place: Place) -> None:
    for query in ("?wait=0.2", "?wait=-1", "?wait=soon", "?wait=nan", "?wait="):
        status, body, _ = await place.post("call", {}, CALL, query=query)
        assert (status, body["outcome"]) == (202, "started")


async def test_the_api_server_is_asked_once_for_calls_of_the_same_seconds(place: Place) -> None:
    for _ in range(5):
        assert (await place.post("call", {}, CALL))[0] == 202
    client = place.receiver.shared.client
    assert client.requests["create", "tokenreviews"] == 1
    assert client.requests["create", "subjectaccessreviews"] == 1


async def test_while_the_api_server_is_away_a_caller_tries_again(place: Place) -> None:
    place.store.away = True
    status, _, headers = await place.post("call", {}, CALL)
    assert (status, "Retry-After" in headers) == (503, True)


async def test_callers_who_wait_hold_no_slot_of_requests(place: Place) -> None:
    calls = [
        asyncio.create_task(place.post("call", {"n": at}, CALL, query="?wait=60"))
        for at in range(25)
    ]
    slots = place.receiver._handler._slots
    # Of 25 callers, 20 may wait for a trigger: five are answered at once.
    while sum(call.done() for call in calls) < 5 or slots.active:
        await asyncio.wait(calls, timeout=0.01)
    assert slots.buffered == 0
    for execution in executions(place.store, "call"):
        end(place, execution["metadata"]["name"])
    statuses = [(await call)[0] for call in calls]
    assert (statuses.count(200), statuses.count(202)) == (20, 5)


async def test_a_caller_does_not_wait_for_the_execution_of_another_callers_event(
    place: Place,
) -> None:
    put_trigger(place.store, "shared", apiEndpoint={}, dedupe={"key": "'one'", "window": "1h"})
    await place.received("shared")
    first = await place.post("shared", {}, CALL)
    end(place, first[1]["execution"], outputs={"of": "ana"})
    place.transport.may_fire = frozenset({"ana", "bob"})
    other = {**CALL, "Authorization": "Bearer token-of-bob"}
    status, body, _ = await place.post("shared", {}, other, query="?wait=20")
    assert (status, body["outcome"], "outputs" in body) == (202, "deduplicated", False)
