"""A webhook of others looks at a creation before the API server asks whether the object exists.

So where a creation took effect and its answer was lost, asking again may be answered with a no.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp
import orjson
import pytest

from orchestrator.kube.client import ApiError, Raw
from orchestrator.models.labels import NODE
from tests.simulation.faults import Faults, FaultyTransport
from tests.simulation.operator_harness import manifest, run_to_end, store_with
from tests.simulation.store import Store
from tests.simulation.trial import START


class Webhook(FaultyTransport):
    """The first creation of a kind is lost, or its answer, and all later are refused."""

    def __init__(self, store: Store, plural: str, status: int, *, made: bool = True) -> None:
        super().__init__(store)
        self._plural, self._status = plural, status
        self._made, self._first = made, True

    async def exchange(self, verb: str, path: str, *rest: Any) -> Raw:
        if verb != "create" or not path.endswith(f"/{self._plural}"):
            return await super().exchange(verb, path, *rest)
        if not self._first:
            raise ApiError(self._status, "Invalid", "admission webhook denied the request")
        self._first = False
        if self._made:
            await super().exchange(verb, path, *rest)
        raise aiohttp.ServerDisconnectedError("the answer was lost")

    async def stream(
        self, plural: str, path: str, query: Mapping[str, str], accept: str
    ) -> AsyncIterator[bytes]:
        """Watches are late: no cache knows of the first creation when it is tried again."""
        await asyncio.sleep(15.0)
        async for line in super().stream(plural, path, query, accept):
            yield line


ACTION = {"nodes": [{"name": "only", "action": "local/task"}]}
CHILD = {"nodes": [{"name": "only", "workflow": {"name": "child"}}]}


@pytest.mark.parametrize("status", [403, 422])
async def test_a_job_that_exists_runs_whatever_a_webhook_says_then(status: int) -> None:
    store = store_with(manifest("Workflow", "main", ACTION))
    raw = await run_to_end(store, Webhook(store, "jobs", status))
    assert raw["status"]["phase"] == "Succeeded"
    assert raw["status"]["nodes"]["only"]["outputs"] == {"value": 5}
    assert len(store.all("jobs")) == 1


@pytest.mark.parametrize("status", [403, 422])
async def test_a_sub_execution_that_exists_runs_whatever_a_webhook_says_then(status: int) -> None:
    store = store_with(manifest("Workflow", "main", CHILD), manifest("Workflow", "child", ACTION))
    raw = await run_to_end(store, Webhook(store, "workflowexecutions", status))
    assert raw["status"]["phase"] == "Succeeded"
    assert len(store.all("workflowexecutions")) == 2


async def test_a_job_that_a_webhook_refuses_fails_its_node_at_once_with_its_words() -> None:
    store = store_with(manifest("Workflow", "main", ACTION))
    raw = await run_to_end(store, Webhook(store, "jobs", 422, made=False))
    node = raw["status"]["nodes"]["only"]
    assert (raw["status"]["phase"], node["reason"]) == ("Failed", "JobRefused")
    assert "webhook denied" in node["message"]
    assert store.clock() - START < 10  # in virtual time: before any watch has told of anything
    assert store.all("jobs") == []


class _Busy(FaultyTransport):
    """Has no time for one node's Job for a second; then a webhook refuses it, once."""

    def __init__(self, store: Store) -> None:
        super().__init__(store, Faults(), random.Random(1), 0.0)
        self._answers = {
            "slow": [
                ApiError(429, "TooManyRequests", "come again", 1.0),
                ApiError(422, "Invalid", "admission webhook denied the request"),
            ],
            "quick": [ApiError(503, "ServiceUnavailable", "come again")],
        }

    async def exchange(self, verb: str, path: str, query: Any, data: Any, *rest: Any) -> Raw:
        if verb == "create" and path.endswith("/jobs"):
            node = orjson.loads(data)["metadata"]["annotations"][NODE]
            if answers := self._answers[node]:
                raise answers.pop(0)
        return await super().exchange(verb, path, query, data, *rest)


async def test_no_creation_outlives_the_pass_that_decided_it() -> None:
    nodes = [{"name": name, "action": "local/task"} for name in ("slow", "quick")]
    store = store_with(manifest("Workflow", "main", {"nodes": nodes}))
    raw = await run_to_end(store, _Busy(store))
    made = {job["metadata"]["annotations"][NODE] for job in store.all("jobs")}
    refused = {
        name
        for name, record in raw["status"]["nodes"].items()
        if record.get("reason") == "JobRefused"
    }
    assert not made & refused
    assert made | refused == {"slow", "quick"}


class _Forbidding(FaultyTransport):
    """Refuses revisions for the first 25 seconds, and notes what the execution says meanwhile."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.said: list[tuple[str, str, str]] = []

    async def exchange(self, verb: str, path: str, *rest: Any) -> Raw:
        if verb == "apply" and "/controllerrevisions/" in path and self.store.clock() < START + 25:
            raise ApiError(403, "Forbidden", "controllerrevisions is forbidden")
        if status := self.store.all("workflowexecutions")[0].get("status"):
            self.said.append((status["phase"], status["reason"], status["message"]))
        return await super().exchange(verb, path, *rest)


async def test_an_execution_says_what_is_refused_before_it_can_run_and_runs_once_it_is_not(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = store_with(manifest("Workflow", "main", ACTION))
    transport = _Forbidding(store)
    raw = await run_to_end(store, transport)
    assert raw["status"]["phase"] == "Succeeded"
    words = "the API server refuses: controllerrevisions is forbidden"
    assert ("Pending", "AdmissionRefused", words) in transport.said
    assert not [record for record in caplog.records if record.exc_info]
