"""The log at debug level: the lines of one execution answer why it did what it did."""

from __future__ import annotations

import logging
import random
import re

import pytest

from orchestrator.process.logs import EXECUTION
from tests.simulation.faults import Faults, FaultyTransport
from tests.simulation.kubelet import Outcome
from tests.simulation.operator_harness import manifest, run_to_end, store_with
from tests.simulation.scenario import NAMESPACE
from tests.simulation.store import Store

RETRY = {"limit": 1, "reasons": ["Failed"], "backoff": {"initial": "4s"}}
FLAKY = {"nodes": [{"name": "flaky", "action": "local/task", "retry": RETRY}]}


def _fails_once(_: str, __: str, attempt: int, ___: int | None) -> Outcome:
    return Outcome("failure" if attempt == 1 else "success", 2.0, 5)


async def _log_of(key: str, caplog: pytest.LogCaptureFixture) -> list[str]:
    store = store_with(manifest("Workflow", "main", FLAKY), script=_fails_once)
    raw = await run_to_end(store, _transport(store))
    assert raw["status"]["nodes"]["flaky"]["attempts"] == 2
    lines = [record for record in caplog.records if getattr(record, EXECUTION, None) == key]
    return [record.getMessage() for record in lines]


def _transport(store: Store) -> FaultyTransport:
    return FaultyTransport(store, Faults(), random.Random(1), 0.01)


async def test_the_log_of_one_key_answers_why_a_node_was_retried(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "orchestrator")
    log = await _log_of(f"{NAMESPACE}/run", caplog)
    story = [
        r"event: pod main-flaky-\S+ ADDED, node flaky: Failed",
        r"observed node flaky, attempt 1: Failed, reason Failed: exit code 1",
        r"decided: node flaky: Running → Waiting, reason Backoff: attempt 1 of 2: .*; attempt 2 at",
        r"stored as version \d+: phase Running, changed nodes: flaky",
        r"requeued in [1-4]\.\d+ s: .*; nodes to retry: flaky at ",
        r"decided: node flaky: Waiting → Pending, reason Starting; attempt 2",
        r"decided: create the Job of node flaky, attempt 2, once that is stored",
        r"created: main-flaky-\S+ of node flaky, attempt 2",
        r"decided: end Succeeded",
    ]
    rest = iter(log)
    for line in story:
        assert any(re.match(line, said) for said in rest), (line, log)


async def test_at_info_level_no_execution_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "orchestrator")
    assert await _log_of(f"{NAMESPACE}/run", caplog) == []
