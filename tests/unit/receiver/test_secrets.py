"""Secrets: read only where allowed, rotated without a restart, and what is said without them."""

from __future__ import annotations

import time

from orchestrator.receiver.secrets import MAX_AGE_SECONDS, RETRY_SECONDS
from tests.receiver_environment import (
    BEARER,
    NAMESPACE,
    TOKEN,
    executions,
    new_store,
    put_secret,
    put_trigger,
    receiver_environment,
    status_of,
)
from tests.signed_requests import SECRET, SECRETS


class Clock:
    """A clock that tests advance."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead


def bearer(token: bytes) -> dict[str, str]:
    return {**BEARER, "Authorization": f"Bearer {token.decode()}"}


async def test_a_rotated_secret_takes_effect_and_the_old_one_ends_with_the_cache() -> None:
    store, clock = new_store(), Clock()
    put_trigger(store, "hook", **TOKEN)
    async with receiver_environment(store, monotonic=clock) as env:
        await env.received("hook")
        assert (await env.post("hook", {"at": 1}))[0] == 202
        put_secret(store, b"new")
        clock.ahead += RETRY_SECONDS + 1
        # The new one does not match what is cached: the Secret is read again.
        assert (await env.post("hook", {"at": 2}, bearer(b"new")))[0] == 202
        assert (await env.post("hook", {"at": 3}, bearer(SECRET)))[0] == 401
        put_secret(store, b"newest")
        assert (await env.post("hook", {"at": 4}, bearer(b"new")))[0] == 202
        clock.ahead += MAX_AGE_SECONDS
        assert (await env.post("hook", {"at": 5}, bearer(b"new")))[0] == 401
    assert len(executions(store, "hook")) == 3


async def test_wrong_signatures_do_not_make_it_read_the_secret_each_time() -> None:
    store = new_store()
    put_trigger(store, "hook", **TOKEN)
    async with receiver_environment(store) as env:
        await env.received("hook")
        before = env.receiver.shared.client.requests["get", "secrets"]
        for _ in range(20):
            assert (await env.post("hook", {}, bearer(b"wrong")))[0] == 401
        assert env.receiver.shared.client.requests["get", "secrets"] - before <= 1


async def test_while_both_exist_both_are_accepted_and_one_alone_suffices() -> None:
    store, clock = new_store(), Clock()
    both = [*SECRETS, {"name": "hooks", "key": "other1"}]
    put_secret(store, b"new", b"old")
    put_trigger(store, "hook", webhook={"bearer": {"secrets": both}})
    async with receiver_environment(store, monotonic=clock) as env:
        assert (await env.post("hook", {"at": 1}, bearer(b"new")))[0] == 202
        assert (await env.post("hook", {"at": 2}, bearer(b"old")))[0] == 202
        put_secret(store, b"new")
        clock.ahead += MAX_AGE_SECONDS + 1
        assert (await env.post("hook", {"at": 3}, bearer(b"new")))[0] == 202
        assert (await env.post("hook", {"at": 4}, bearer(b"old")))[0] == 401


async def test_a_line_break_at_the_end_belongs_to_no_secret_and_an_empty_one_is_none() -> None:
    store = new_store()
    put_secret(store, b"token\n")
    put_secret(store, b"\n", name="empty")
    put_trigger(store, "hook", **TOKEN)
    secrets = [{"name": "empty", "key": "secret"}]
    put_trigger(store, "empty", webhook={"bearer": {"secrets": secrets}})
    async with receiver_environment(store) as env:
        assert (await env.post("hook", {}, bearer(b"token")))[0] == 202
        found = await env.received("empty", "False")
        assert (found["reason"], found["message"]) == (
            "SecretMissing",
            "Secret empty has an empty key secret",
        )
        for token in (b"", b"\n"):
            headers = {**BEARER, "Authorization": f"Bearer {token.decode().strip()}"}
            assert (await env.post("empty", {}, headers))[0] == 503


async def test_without_the_right_it_says_which_command_gives_it() -> None:
    store = new_store()
    async with receiver_environment(store) as env:
        env.transport.may_read_secrets = False
        put_trigger(store, "hook", **TOKEN)
        found = await env.received("hook", "False")
        assert found["reason"] == "SecretForbidden"
        assert found["message"].endswith(
            f"orchestrator trigger grant hook -n {NAMESPACE} | kubectl apply -f -"
        )
        status, body, headers = await env.post("hook", {})
        assert (status, "Retry-After" in headers) == (503, True)
        assert "see its status" in body["message"]
        env.transport.may_read_secrets = True
        await env.received("hook")
        assert (await env.post("hook", {}))[0] == 202
    assert status_of(store, "hook")["lastError"]["message"].startswith("the receiver may not read")
    events = [(raw["type"], raw["reason"]) for raw in store.all("events")]
    assert sorted(events) == [("Normal", "Received"), ("Warning", "NotReceiving")]


async def test_without_the_secret_it_says_which_command_creates_it() -> None:
    store = new_store()
    missing = [{"name": "absent", "key": "token"}]
    put_trigger(store, "hook", webhook={"bearer": {"secrets": missing}})
    async with receiver_environment(store) as env:
        found = await env.received("hook", "False")
        assert found["reason"] == "SecretMissing"
        assert (
            "kubectl create secret generic absent -n shop --from-literal=token=VALUE"
            in (found["message"])
        )
        assert (await env.post("hook", {}))[0] == 503


async def test_the_condition_is_written_once_and_leaves_those_of_the_operator() -> None:
    store = new_store()
    put_trigger(store, "hook", **TOKEN)
    ready = {"type": "Ready", "status": "False", "reason": "NotReceived", "message": ""}
    store.set_status(("triggers", NAMESPACE, "hook"), conditions=[ready])
    async with receiver_environment(store) as one, receiver_environment(store) as two:
        await one.received("hook")
        await two.received("hook")
        await one.post("hook", {"a": 1})
        version = store.objects["triggers", NAMESPACE, "hook"]["metadata"]["resourceVersion"]
        await two.post("hook", {"a": 1}, {})
        assert (
            store.objects["triggers", NAMESPACE, "hook"]["metadata"]["resourceVersion"] == version
        )
        conditions = status_of(store, "hook")["conditions"]
    assert [each["type"] for each in conditions] == ["Ready", "Receiving"]
    assert conditions[0] == ready
