"""Events: once, short, and never in anybody's way."""

from __future__ import annotations

import asyncio

from orchestrator.kube.client import ApiClient
from orchestrator.models.reasons import EventReason
from orchestrator.process.recorder import (
    BURST,
    MAX_MESSAGE,
    RATE,
    SPARED,
    Recorder,
)
from tests.apiserver import ApiServer

ABOUT = {"kind": "WorkflowExecution", "namespace": "a", "name": "x", "uid": "u"}


async def written(server: ApiServer, recorder: Recorder) -> list[str]:
    task = asyncio.create_task(recorder.run())
    await recorder.flush(10)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return [raw["message"] for (plural, _, _), raw in server.objects.items() if plural == "events"]


async def test_the_same_thing_is_said_once(server: ApiServer, client: ApiClient) -> None:
    now = 1000.0
    recorder = Recorder(client, lambda: now)
    recorder.emit(ABOUT, EventReason.ADMITTED, "check started")
    recorder.emit(ABOUT, EventReason.ADMITTED, "check started")
    recorder.emit(ABOUT, EventReason.ADMITTED, "restart started")
    assert await written(server, recorder) == ["check started", "restart started"]
    now = 3000.0
    recorder.emit(ABOUT, EventReason.ADMITTED, "check started")
    assert len(await written(server, recorder)) == 3


async def test_too_much_to_say_is_dropped_and_warnings_last(
    server: ApiServer, client: ApiClient
) -> None:
    now = 0.0
    recorder = Recorder(client, lambda: now)
    routine, warnings = int(BURST - SPARED), int(SPARED)
    for number in range(2 * routine):
        recorder.emit(ABOUT, EventReason.ADMITTED, f"started {number}")
    for number in range(2 * warnings):
        recorder.emit(ABOUT, EventReason.FAILED, f"failed {number}")
    assert recorder.dropped == routine + warnings
    now += (SPARED + 1) / RATE
    recorder.emit(ABOUT, EventReason.ADMITTED, "later")
    said = await written(server, recorder)
    assert said[:routine] == [f"started {number}" for number in range(routine)]
    assert said[routine:] == [*(f"failed {number}" for number in range(warnings)), "later"]


async def test_an_event_holds_no_hidden_characters(server: ApiServer, client: ApiClient) -> None:
    recorder = Recorder(client, lambda: 0.0)
    recorder.emit(ABOUT, EventReason.NODE_FAILED, "a \x1b]0;OWNED\x07\u202efailed")
    assert await written(server, recorder) == ["a \ufffd]0;OWNED\ufffd\ufffdfailed"]


async def test_an_event_says_who_and_what(server: ApiServer, client: ApiClient) -> None:
    recorder = Recorder(client, lambda: 0.0)
    recorder.emit(ABOUT, EventReason.FAILED, "x" * 5000)
    await written(server, recorder)
    (event,) = [raw for (plural, _, _), raw in server.objects.items() if plural == "events"]
    assert event["involvedObject"] == ABOUT
    assert len(event["message"]) == MAX_MESSAGE
    assert event["metadata"]["namespace"] == "a"
    assert (event["type"], event["reason"]) == ("Warning", "Failed")
