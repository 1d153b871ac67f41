"""The incident actions on Incident resources, of an API server that behaves."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from orchestrator.actions.action import Context
from orchestrator.actions.registry import CATEGORIES, load
from orchestrator.kube.access import Access
from orchestrator.kube.blocking import BlockingClient
from tests.apiserver import ApiServer
from tests.examples import spec_of
from tests.incident_lifecycle import run_lifecycle

_OUTPUT = re.compile(r"\$\[\[ nodes\.(\w+)\.outputs\.(\w+) \]\]")


@pytest.fixture
async def cluster() -> AsyncIterator[ApiServer]:
    server = ApiServer()
    yield server
    await server.stop()


@pytest.fixture
async def connected(cluster: ApiServer, context: Context) -> Context:
    client = BlockingClient(Access(await cluster.start()), "tests")
    return replace(context, cluster=lambda: client)


def attempt(context: Context, action: str, /, node: str, **own: Any) -> dict[str, Any]:
    """The outputs of an attempt of a node."""
    known = load(action)
    identity = replace(context.identity, node=node, key=f"u1/{node}/0")
    parameters = known.parameters.model_validate(own)
    outputs = known.run(parameters, replace(context, identity=identity))
    dumped: dict[str, Any] = outputs.model_dump(mode="json", by_alias=True, exclude_none=True)
    return dumped


async def test_an_incident_has_the_life_that_it_has_in_every_backend(
    cluster: ApiServer, connected: Context
) -> None:
    def run(action: str, /, node: str, **own: Any) -> dict[str, Any]:
        return attempt(connected, action, node=node, **own)

    name = await asyncio.to_thread(run_lifecycle, run, "ana", "sre")
    incident = await asyncio.to_thread(_read, connected, name)
    assert (incident["assignee"], incident["escalation"]) == ("ana", "sre")
    assert [note["author"] for note in incident["notes"]] == ["check/incident-note 2"]
    assert incident["links"] == [{"title": "Graph", "url": "https://graphs.example.com/1"}]
    assert cluster is not None


@pytest.mark.parametrize(
    "action", [name for name, category in CATEGORIES.items() if category == "incident"]
)
async def test_the_example_of_an_action_runs(connected: Context, action: str) -> None:
    spec = spec_of(action)
    outputs: dict[str, dict[str, Any]] = {}

    def filled(value: Any) -> Any:
        if isinstance(value, str) and (found := _OUTPUT.fullmatch(value)):
            return outputs[found[1]][found[2]]
        return value

    for node in spec["nodes"]:
        parameters = {name: filled(value) for name, value in node["with"].items()}
        outputs[node["name"]] = await asyncio.to_thread(
            attempt, connected, node["action"], node=node["name"], **parameters
        )
    assert outputs


def _read(context: Context, name: str) -> dict[str, Any]:
    from orchestrator.kube.resources import INCIDENTS

    spec: dict[str, Any] = context.cluster().get(INCIDENTS, "shop", name)["spec"]
    return spec
