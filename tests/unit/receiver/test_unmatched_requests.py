"""Requests to paths without a Trigger in the log: enough to find a typo, and never a flood."""

from __future__ import annotations

import logging

import pytest

from orchestrator.receiver.unmatched_requests import LOG_SECONDS, MAX_PATH, UnmatchedRequests
from tests.receiver_environment import BEARER, TOKEN, new_store, put_trigger, receiver_environment


def test_lines_are_few_and_count_what_they_leave_out(caplog: pytest.LogCaptureFixture) -> None:
    now = 100.0
    missing = UnmatchedRequests(lambda: now)
    for number in range(50):
        missing.requested(f"/triggers/shop/{number}")
    now += LOG_SECONDS
    missing.requested("/triggers/shop/last")
    assert [record.getMessage() for record in caplog.records] == [
        "a request to '/triggers/shop/0' was refused: there is no valid Trigger that takes"
        " requests",
        "a request to '/triggers/shop/last' was refused: there is no valid Trigger that takes"
        " requests, and 49 more since the last line",
    ]


def test_a_path_cannot_forge_lines_or_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    missing = UnmatchedRequests(lambda: 0.0)
    missing.requested("/triggers/shop/a\nERROR \x1b[31m" + "x" * 100_000)
    (record,) = caplog.records
    assert "\n" not in record.getMessage()
    assert "\x1b" not in record.getMessage()
    assert len(record.getMessage()) < 2 * MAX_PATH


async def test_a_request_to_a_missing_trigger_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    store = new_store()
    put_trigger(store, "hook", **TOKEN)
    async with receiver_environment(store) as env:
        await env.received("hook")
        with caplog.at_level(logging.WARNING):
            assert (await env.post("hooks", {}, BEARER))[0] == 401
            assert (await env.post("hook", {}, BEARER))[0] == 202
    lines = [record.getMessage() for record in caplog.records]
    assert [line for line in lines if "was refused" in line] == [
        "a request to '/triggers/shop/hooks' was refused: there is no valid Trigger that takes"
        " requests"
    ]
