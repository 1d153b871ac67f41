"""The fake API server, Job controller and kubelet, held against what real ones do.

tests/cluster/test_same_as_the_fake.py runs the same suite against a real API server.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from orchestrator.kube.client import ApiClient
from orchestrator.models.base import parse_duration
from tests.conformance.api import Api
from tests.conformance.jobs import FAKE, Jobs, KubeletStages
from tests.conformance.objects import Objects
from tests.conformance.watches import Watches
from tests.simulation.faults import Faults, FaultyTransport
from tests.simulation.kubelet import Kubelet, Outcome, Script
from tests.simulation.pods import work_of
from tests.simulation.stages import AT_ONCE, Stages
from tests.simulation.store import Store
from tests.simulation.trial import START


def _as_annotated(store: Store) -> Script:
    """How the annotations of its Job say that a pod ends."""

    def script(execution: str, node: str, attempt: int, index: int) -> Outcome:
        notes = next(
            raw["spec"]["template"]["metadata"].get("annotations", {})
            for raw in store.all("jobs")
            if work_of(raw)[:2] == (execution, node)
        )

        def said(key: str, default: str) -> str:
            return str(notes.get(f"{FAKE}{key}-{index}", notes.get(f"{FAKE}{key}", default)))

        codes = said("exit-code", "0").split(",")
        code = codes[min(attempt // 100, len(codes) - 1)]
        kind = {"0": "success", "64": "permanent"}.get(code, "failure")
        value = json.loads(said("message", '{"value": 0}'))["value"]
        return Outcome(kind, parse_duration(said("delay", "0s")), value, int(code))

    return script


@asynccontextmanager
async def _fake(stages: Stages) -> AsyncIterator[Api]:
    loop, rng = asyncio.get_running_loop(), random.Random(1)
    store = Store(lambda: START + loop.time(), rng)
    Kubelet(store, _as_annotated(store), rng, stages)
    transport = FaultyTransport(store, Faults(), rng, 0.002)
    async with ApiClient(transport._credentials, transport) as client:
        yield Api(client, "test")


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with _fake(AT_ONCE) as found:
        yield found


class TestObjects(Objects):
    """Of the fake."""


class TestWatches(Watches):
    """Of the fake."""


class TestJobs(Jobs):
    """Of the fake."""


class TestKubeletStages(KubeletStages):
    """Of the fake."""

    @pytest.fixture
    async def api(self) -> AsyncIterator[Api]:
        async with _fake(Stages(1.2)) as found:
            yield found
