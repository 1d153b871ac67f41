"""API endpoints: the API server says who calls and whether they may; callers may wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.receiver_environment import (
    NAMESPACE,
    ReceiverEnvironment,
    executions,
    new_store,
    put_trigger,
    receiver_environment,
)

CALL = {"Content-Type": "application/json", "Authorization": "Bearer token-of-ana"}


@pytest.fixture
async def env() -> AsyncIterator[ReceiverEnvironment]:
    store = new_store()
    put_trigger(store, "call", apiEndpoint={})
    async with receiver_environment(store) as env:
        env.transport.users = {"token-of-ana": "ana", "token-of-bob": "bob"}
        env.transport.may_fire = frozenset({"ana"})
        await env.received("call")
        yield env


async def test_the_caller_is_the_requester_of_the_execution(env: ReceiverEnvironment) -> None:
    status, body, _ = await env.post("call", {"x": 1}, CALL)
    assert status == 202
    (execution,) = executions(env.store, "call")
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
async def test_others_are_refused(
    env: ReceiverEnvironment, authorization: str, status: int, said: str
) -> None:
    answer = await env.post("call", {}, {**CALL, "Authorization": authorization})
    assert answer[0] == status
    assert answer[1]["message"].startswith(said)
    assert executions(env.store, "call") == []


async def test_a_key_makes_a_repeated_call_the_same_execution(env: ReceiverEnvironment) -> None:
    keyed = {**CALL, "Idempotency-Key": "7d0a"}
    one, two = [await env.post("call", {}, keyed) for _ in range(2)]
    assert one[1]["execution"] == two[1]["execution"]
    assert (await env.post("call", {}, CALL))[1]["outcome"] == "started"
    assert (await env.post("call", {}, CALL))[1]["outcome"] == "started"


def end(env: ReceiverEnvironment, name: str, **status: Any) -> None:
    ended = {"phase": "Succeeded", "finishedAt": "2026-01-31T12:00:00Z", **status}
    env.store.set_status(("workflowexecutions", NAMESPACE, name), **ended)


async def test_a_caller_who_waits_gets_the_result(env: ReceiverEnvironment) -> None:
    def created(plural: str, before: object, after: Any) -> None:
        if plural == "workflowexecutions" and before is None:
            name = after["metadata"]["name"]
            asyncio.get_running_loop().call_later(0.2, lambda: end(env, name, outputs={"n": 7}))

    env.store.observers.append(created)
    status, body, _ = await env.post("call", {}, CALL, query="?wait=20")
    assert status == 200
    assert (body["phase"], body["outputs"], body["outcome"]) == ("Succeeded", {"n": 7}, "started")


async def test_who_waits_in_vain_is_answered_as_if_they_had_not(env: ReceiverEnvironment) -> None:
    for query in ("?wait=0.2", "?wait=-1", "?wait=soon", "?wait=nan", "?wait="):
        status, body, _ = await env.post("call", {}, CALL, query=query)
        assert (status, body["outcome"]) == (202, "started")


async def test_the_api_server_is_asked_once_for_calls_of_the_same_seconds(
    env: ReceiverEnvironment,
) -> None:
    for _ in range(5):
        assert (await env.post("call", {}, CALL))[0] == 202
    client = env.receiver.shared.client
    assert client.requests["create", "tokenreviews"] == 1
    assert client.requests["create", "subjectaccessreviews"] == 1


async def test_while_the_api_server_is_away_a_caller_tries_again(env: ReceiverEnvironment) -> None:
    env.store.away = True
    status, _, headers = await env.post("call", {}, CALL)
    assert (status, "Retry-After" in headers) == (503, True)


async def test_callers_who_wait_hold_no_slot_of_requests(env: ReceiverEnvironment) -> None:
    calls = [
        asyncio.create_task(env.post("call", {"n": at}, CALL, query="?wait=60")) for at in range(25)
    ]
    slots = env.receiver._handler._slots
    # Of 25 callers, 20 may wait for a trigger: five are answered at once.
    while sum(call.done() for call in calls) < 5 or slots.active:
        await asyncio.wait(calls, timeout=0.01)
    assert slots.buffered == 0
    for execution in executions(env.store, "call"):
        end(env, execution["metadata"]["name"])
    statuses = [(await call)[0] for call in calls]
    assert (statuses.count(200), statuses.count(202)) == (20, 5)


async def test_a_caller_does_not_wait_for_the_execution_of_another_callers_event(
    env: ReceiverEnvironment,
) -> None:
    put_trigger(env.store, "shared", apiEndpoint={}, dedupe={"key": "'one'", "window": "1h"})
    await env.received("shared")
    first = await env.post("shared", {}, CALL)
    end(env, first[1]["execution"], outputs={"of": "ana"})
    env.transport.may_fire = frozenset({"ana", "bob"})
    other = {**CALL, "Authorization": "Bearer token-of-bob"}
    status, body, _ = await env.post("shared", {}, other, query="?wait=20")
    assert (status, body["outcome"], "outputs" in body) == (202, "deduplicated", False)
