"""Bodies, senders and loads that no sender should send: the right status, and others go on."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from typing import Any

import pytest

from orchestrator.receiver.limits import Limits
from tests.receiver_environment import (
    BEARER,
    TOKEN,
    ReceiverEnvironment,
    executions,
    new_store,
    put_trigger,
    receiver_environment,
)

HEAD = b"POST /triggers/shop/hook HTTP/1.1\r\nHost: a\r\n"
AUTHORIZED = b"".join(f"{name}: {text}\r\n".encode() for name, text in BEARER.items())
LIMITS = Limits(
    body=10_000,
    buffered=25_000,
    requests=20,
    requests_per_trigger=3,
    connections=30,
    body_seconds=0.3,
    idle_seconds=0.3,
)


@pytest.fixture
async def env() -> AsyncIterator[ReceiverEnvironment]:
    store = new_store()
    put_trigger(store, "hook", **TOKEN)
    put_trigger(store, "other", **TOKEN)
    async with receiver_environment(store, limits=LIMITS) as env:
        await env.received("hook")
        yield env


async def raw(env: ReceiverEnvironment, *parts: bytes, half: bool = False) -> bytes:
    """The answer to bytes as they are, until the connection is closed; `half` closes our side."""
    reader, writer = await asyncio.open_connection("127.0.0.1", env.port)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
        if half:
            writer.write_eof()
        return await asyncio.wait_for(reader.read(), 30)
    finally:
        writer.close()


async def works(env: ReceiverEnvironment) -> bool:
    """Whether another sender's event is accepted."""
    return (await env.post("other", {"works": True}))[0] == 202


async def test_a_large_body_is_refused_whether_or_not_it_says_its_size(
    env: ReceiverEnvironment,
) -> None:
    status, body, _ = await env.post("hook", b"x" * 10_001)
    assert (status, body) == (413, {"message": "the body exceeds 10,000 bytes"})
    announced = await raw(env, HEAD, AUTHORIZED, b"Content-Length: 99999999999\r\n\r\n")
    assert b" 413 " in announced.splitlines()[0]
    chunk = b"1000\r\n" + b"x" * 0x1000 + b"\r\n"
    chunked = await raw(env, HEAD, AUTHORIZED, b"Transfer-Encoding: chunked\r\n\r\n", chunk * 3)
    assert b" 413 " in chunked.splitlines()[0]
    assert (await env.post("hook", b'"' + b"x" * 9_998 + b'"'))[0] == 202
    assert await works(env)


async def test_a_sender_of_much_more_than_the_limit_sees_why_it_is_refused(
    env: ReceiverEnvironment,
) -> None:
    for _ in range(3):
        status, body, _ = await env.post("hook", b"x" * 1_000_000)
        assert (status, body) == (413, {"message": "the body exceeds 10,000 bytes"})


async def test_a_slow_body_is_ended(env: ReceiverEnvironment) -> None:
    answer = await raw(env, HEAD, AUTHORIZED, b"Content-Length: 10\r\n\r\n", b"{")
    assert b" 408 " in answer.splitlines()[0]
    assert b"did not arrive within 0.3 seconds" in answer
    assert await works(env)


async def test_a_connection_without_a_complete_header_is_closed(env: ReceiverEnvironment) -> None:
    assert await raw(env, HEAD) == b""
    assert await raw(env) == b""
    assert await works(env)


async def test_what_is_no_http_is_refused(env: ReceiverEnvironment) -> None:
    for garbage in (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", b"GET\r\n\r\n", HEAD + b"a\r\n\r\n"):
        answer = await raw(env, garbage)
        assert answer == b"" or b" 400 " in answer.splitlines()[0]
    long = await raw(env, HEAD, b"X-Long: " + b"x" * 20_000 + b"\r\n\r\n")
    assert b" 400 " in long.splitlines()[0]
    assert await works(env)


async def test_a_body_that_is_cut_off_starts_nothing(env: ReceiverEnvironment) -> None:
    await raw(env, HEAD, AUTHORIZED, b'Content-Length: 99\r\n\r\n{"a": 1}', half=True)
    status, body, _ = await env.post("hook", b'{"a": 1')
    assert (status, body["message"].startswith("the body is not valid JSON")) == (400, True)
    assert executions(env.store, "hook") == []
    assert await works(env)


async def test_a_compressed_body_is_refused(env: ReceiverEnvironment) -> None:
    headers = {**BEARER, "Content-Encoding": "gzip"}
    status, body, _ = await env.post("hook", gzip.compress(b"{}" * 10_000), headers)
    assert (status, body) == (415, {"message": "send the body without Content-Encoding"})


async def test_a_sender_that_asks_whether_to_continue_is_answered(env: ReceiverEnvironment) -> None:
    expecting = AUTHORIZED + b"Expect: 100-continue\r\nConnection: close\r\n"
    answer = await raw(env, HEAD, expecting, b"Content-Length: 2\r\n\r\n", b"{}")
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 ")


async def test_only_post_and_options_are_accepted_at_any_path(env: ReceiverEnvironment) -> None:
    for trigger in ("hook", "nowhere"):
        status, body, headers = await env.post(trigger, b"", method="GET")
        assert (status, body, headers["Allow"]) == (405, {"message": "use POST"}, "POST, OPTIONS")


async def test_what_is_not_verified_looks_the_same_at_any_path(env: ReceiverEnvironment) -> None:
    put_trigger(env.store, "nightly", schedule={"cron": "0 3 * * *"})
    put_trigger(env.store, "events", event=TOKEN["webhook"] | {"bearer": {"secrets": []}})
    wrong = {**BEARER, "Authorization": "Bearer wrong"}
    answers = [
        await env.post(path, {"a": 1}, headers)
        for path in ("hook", "nowhere", "nightly", "hook/more", "", "%2e%2e/hook")
        for headers in (wrong, {"Content-Type": "application/json"})
    ]
    answers.append(await env.post("hook", b"", BEARER, method="OPTIONS"))
    assert {status for status, *_ in answers} == {401}
    assert len({str(body) for _, body, _ in answers}) == 1
    assert len({frozenset(headers) for _, _, headers in answers}) == 1


async def test_a_trigger_has_its_share_of_requests_and_others_go_on(
    env: ReceiverEnvironment,
) -> None:
    under_way, go_on = asyncio.Semaphore(0), asyncio.Event()
    answers = env.receiver.shared.deliverer.deliver

    async def held(*arguments: Any) -> object:
        if arguments[0]["metadata"]["name"] == "hook":
            under_way.release()
            await go_on.wait()
        return await answers(*arguments)

    env.receiver.shared.deliverer.deliver = held  # type: ignore[method-assign, assignment]
    work = [asyncio.create_task(env.post("hook", {"number": at})) for at in range(3)]
    for _ in range(3):
        await under_way.acquire()
    status, body, headers = await env.post("hook", {"number": 3})
    assert (status, headers["Retry-After"]) == (429, "1")
    assert body["message"].startswith("too many requests to this trigger are being processed")
    assert await works(env)
    go_on.set()
    assert [status for status, *_ in await asyncio.gather(*work)] == [202] * 3
    assert (await env.post("hook", {"number": 3}))[0] == 202


async def test_batches_beyond_the_events_of_a_trigger_are_refused_before_anything_is_stored() -> (
    None
):
    store = new_store()
    put_trigger(store, "events", event={"bearer": TOKEN["webhook"]["bearer"] | {"idHeader": None}})
    put_trigger(store, "other", **TOKEN)
    headers = {**BEARER, "Content-Type": "application/cloudevents-batch+json"}

    def batch(number: int) -> list[dict[str, Any]]:
        head = {"specversion": "1.0", "source": f"/{number}", "type": "t"}
        return [{**head, "id": str(at)} for at in range(100)]

    async with receiver_environment(store) as env:
        await env.received("events")
        deliver, most, under_way = env.receiver.shared.deliverer.deliver, 0, set[object]()
        full, go_on = asyncio.Event(), asyncio.Event()

        async def held(*arguments: Any) -> object:
            nonlocal most
            token = object()
            under_way.add(token)
            most = max(most, len(under_way))
            if len(under_way) == 200:
                full.set()
            if arguments[0]["metadata"]["name"] == "events":
                await go_on.wait()
            try:
                return await deliver(*arguments)
            finally:
                under_way.remove(token)

        env.receiver.shared.deliverer.deliver = held  # type: ignore[method-assign, assignment]
        work = [asyncio.create_task(env.post("events", batch(at), headers)) for at in range(2)]
        await full.wait()
        for number in range(2, 20):
            status, body, answered = await env.post("events", batch(number), headers)
            assert (status, answered["Retry-After"]) == (429, "1")
            assert body["message"].startswith("too many events of this trigger are being stored")
        assert most == 200
        assert executions(store, "events") == []
        assert await works(env)
        go_on.set()
        assert [status for status, *_ in await asyncio.gather(*work)] == [202, 202]
        assert (await env.post("events", batch(2), headers))[0] == 202
    assert len(executions(store, "events")) == 300


async def test_bodies_of_many_senders_do_not_fill_the_memory(env: ReceiverEnvironment) -> None:
    connections = [await asyncio.open_connection("127.0.0.1", env.port) for _ in range(4)]
    for _, writer in connections:
        writer.write(HEAD + AUTHORIZED + b"Content-Length: 9000\r\n\r\n" + b"x" * 8_000)
    answers = [await asyncio.wait_for(reader.readline(), 30) for reader, _ in connections]
    for _, writer in connections:
        writer.close()
    codes = sorted(int(answer.split()[1]) for answer in answers)
    assert codes == [408, 408, 408, 429]
    assert await works(env)


async def test_a_suspended_trigger_refuses_what_it_has_verified(env: ReceiverEnvironment) -> None:
    put_trigger(env.store, "off", **TOKEN, suspend=True)
    await env.received("off")
    status, body, _ = await env.post("off", {})
    assert (status, body) == (409, {"message": "the trigger is suspended"})
    wrong = {**BEARER, "Authorization": "Bearer wrong"}
    assert (await env.post("off", {}, wrong))[0] == 401
    assert executions(env.store, "off") == []
