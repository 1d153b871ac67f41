"""Listeners that fail, hang or lack a library: what is reported, and that others go on."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from orchestrator.models.reasons import Reason
from orchestrator.receiver.listeners import supervisor
from orchestrator.receiver.listeners.claims import EveryClaim
from orchestrator.receiver.listeners.errors import SourceError
from orchestrator.receiver.listeners.listener_session import ListenerSession
from orchestrator.receiver.listeners.registry import driver_of, keys
from orchestrator.receiver.listeners.supervisor import Listeners
from orchestrator.receiver.listeners.volumes import Volumes, parse_volumes
from orchestrator.receiver.shared import Shared
from orchestrator.triggers.positions import Position, source_of
from orchestrator.triggers.registry import REGISTRY
from orchestrator.triggers.sources import Event, Listener
from tests.receiver_environment import NAMESPACE, executions, new_store, status_of
from tests.simulation.store import Store
from tests.unit.receiver.listeners.stopped_receiver import MAIL, shared_with

Drive = Callable[[ListenerSession], Awaitable[None]]


@asynccontextmanager
async def listening(shared: Shared, drive: Drive) -> AsyncIterator[Listeners]:
    """Listeners with this driver, for as long as the block."""
    listeners = Listeners(shared, EveryClaim(), Volumes(), lambda _: drive)
    task = asyncio.create_task(listeners.run())
    try:
        yield listeners
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def eventually(check: Callable[[], Any]) -> Any:
    async with asyncio.timeout(30):
        while not (value := check()):  # noqa: ASYNC110 - a store has no event for it
            await asyncio.sleep(0.01)
    return value


def receiving(store: Store, trigger: str) -> Any:
    conditions = status_of(store, trigger).get("conditions") or []
    return next((each for each in conditions if each["type"] == "Receiving"), None)


def connected(shared: Shared) -> dict[str, float]:
    """The metric of listeners whose source can be read, by trigger."""
    families = text_string_to_metric_families(shared.metrics.text().decode())
    return {
        sample.labels["trigger"]: sample.value
        for family in families
        if family.name == "itechsmart_workflow_receiver_listener_connected"
        for sample in family.samples
    }


def test_every_type_that_listens_has_a_driver() -> None:
    listens = {each.key for each in REGISTRY.types if isinstance(each.source, Listener)}
    assert listens == keys()


async def test_a_source_that_fails_is_reported_and_read_again_beside_the_others() -> None:
    store = new_store()
    shared = shared_with(store, bad=MAIL, good=MAIL)
    attempts: list[str] = []

    async def drive(each: ListenerSession) -> None:
        attempts.append(each.name)
        if each.name.endswith("bad") and len(attempts) < 4:
            raise SourceError("imap.example.com:993: Connection refused")
        await each.receiving("INBOX is read")
        await asyncio.Event().wait()

    async with listening(shared, drive):
        failed = await eventually(lambda: receiving(store, "bad"))
        assert (failed["status"], failed["reason"]) == ("False", "SourceUnreachable")
        assert failed["message"] == "imap.example.com:993: Connection refused"
        assert (await eventually(lambda: receiving(store, "good")))["status"] == "True"
        await eventually(lambda: connected(shared).get("bad") == 0.0)
        await eventually(lambda: receiving(store, "bad")["status"] == "True")
        await eventually(lambda: connected(shared) == {"bad": 1.0, "good": 1.0})
    assert attempts.count(f"{NAMESPACE}/good") == 1


async def test_a_listener_that_hangs_makes_the_receiver_unready() -> None:
    now = [0.0]
    shared = shared_with(new_store(), lambda: now[0], stuck=MAIL)
    began = asyncio.Event()

    async def drive(_: ListenerSession) -> None:
        began.set()
        await asyncio.Event().wait()

    async with listening(shared, drive) as listeners:
        await began.wait()
        assert listeners.unready() == []
        now[0] += supervisor.MAX_SILENCE + 1
        assert listeners.unready() == ["1 listeners have been hung for more than 300 seconds"]


async def test_a_missing_library_is_named_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(
        sys.modules, "orchestrator.receiver.listeners.mailbox.driver", raising=False
    )
    for name in ("bounded", "connection"):
        module = f"orchestrator.receiver.listeners.mailbox.{name}"
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setitem(sys.modules, "imapclient", None)
    with pytest.raises(SourceError) as raised:
        driver_of("email")
    assert raised.value.reason is Reason.DEPENDENCY_MISSING
    assert "pip install 'itechsmart-workflow[email]'" in raised.value.message


async def test_events_are_delivered_until_they_are_stored_and_the_position_follows() -> None:
    store = new_store()
    shared = shared_with(store, inbox=MAIL)
    source = source_of("inbox")
    done = asyncio.Event()

    async def drive(each: ListenerSession) -> None:
        position = each.position(source)
        assert position is None
        position = Position(source, 100)
        await each.begin(position)
        assert status_of(store, "inbox")["mark"] == position.text()
        store.away = True
        asyncio.get_running_loop().call_later(0.3, setattr, store, "away", False)
        await each.deliver([Event("email", str(number), {}, 200.0) for number in range(20)])
        position.handled("19", 200.0)
        each.reached(position)
        done.set()
        await asyncio.Event().wait()

    async with listening(shared, drive):
        await asyncio.wait_for(done.wait(), 30)
        assert len(executions(store, "inbox")) == 20
    # Stored when the listener ends, for whichever replica continues.
    assert "done=" in status_of(store, "inbox")["mark"]
    assert status_of(store, "inbox")["counts"] == {"received": 20, "started": 20}


async def test_while_a_trigger_is_suspended_its_events_start_nothing() -> None:
    store = new_store()
    shared = shared_with(store, inbox={**MAIL, "suspend": True})
    done = asyncio.Event()

    async def drive(each: ListenerSession) -> None:
        await each.deliver([Event("email", "1", {}, 200.0)])
        done.set()
        await asyncio.Event().wait()

    async with listening(shared, drive):
        await asyncio.wait_for(done.wait(), 30)
    assert executions(store, "inbox") == []


@pytest.mark.parametrize(
    ("option", "problem"),
    [
        ("shared", "write NAME=PATH:"),
        ("shared=relative:a", "absolute path"),
        ("shared=/x", "absolute path"),
        ("shared=/x:", "absolute path"),
        ("Shared=/x:a", "write NAME=PATH:"),
        ("shared=/x:a,B", "'B' is no name of a namespace"),
    ],
)
def test_a_wrong_volume_is_refused_with_what_would_be_right(option: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_volumes([option])


def test_a_volume_of_others_looks_like_one_that_does_not_exist() -> None:
    volumes = parse_volumes(["shared=/x:a,b"])
    assert str(volumes.path_of("shared", "a")) == "/x"
    messages = []
    for name in ("shared", "missing"):
        with pytest.raises(SourceError) as raised:
            volumes.path_of(name, "c")
        assert raised.value.reason is Reason.VOLUME_FORBIDDEN
        messages.append(raised.value.message.replace(name, "NAME"))
    assert messages[0] == messages[1]
