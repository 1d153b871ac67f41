"""The client of the actions, against a server that behaves."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from typing import Any

import pytest

from orchestrator.actions.registry import NAMES
from orchestrator.kube.access import Access
from orchestrator.kube.blocking import BlockingClient
from orchestrator.kube.errors import ApiError
from orchestrator.kube.resources import DEPLOYMENTS, PODS
from tests.apiserver import ApiServer, busy

NS = "ns"


@pytest.fixture
async def client(server: ApiServer) -> BlockingClient:
    return BlockingClient(Access(await server.start()), "tests")


async def asked(call: Any, *arguments: Any, **options: Any) -> Any:
    """A call's result, waited for beside the server's loop."""
    return await asyncio.to_thread(call, *arguments, **options)


async def test_objects_are_created_read_and_changed(
    client: BlockingClient, server: ApiServer
) -> None:
    body = {"metadata": {"name": "web"}, "spec": {"replicas": 1}}
    made = await asked(client.create, DEPLOYMENTS, NS, body)
    assert made["metadata"]["uid"]
    await asked(client.merge, DEPLOYMENTS, NS, "web", {"spec": {"replicas": 2}})
    assert (await asked(client.get, DEPLOYMENTS, NS, "web"))["spec"] == {"replicas": 2}
    assert server.objects["deployments", NS, "web"]["spec"] == {"replicas": 2}


async def test_what_is_not_there_is_none(client: BlockingClient) -> None:
    assert await asked(client.find, DEPLOYMENTS, NS, "none") is None
    with pytest.raises(ApiError, match="404"):
        await asked(client.get, DEPLOYMENTS, NS, "none")


@pytest.mark.parametrize("name", ["..", ".", "", "a/b", "a?watch=true", "A"])
async def test_a_name_that_no_object_has_leads_nowhere(
    client: BlockingClient, server: ApiServer, name: str
) -> None:
    assert await asked(client.find, DEPLOYMENTS, NS, name) is None
    assert server.requests == []


async def test_lists_are_selected_by_the_server(client: BlockingClient, server: ApiServer) -> None:
    await server.put("pods", NS, "a", metadata={"labels": {"app": "web"}})
    await server.put("pods", NS, "b", metadata={"labels": {"app": "db"}})
    found = await asked(client.list, PODS, NS, label_selector="app=web")
    assert [item["metadata"]["name"] for item in found] == ["a"]


async def test_a_busy_server_is_asked_again_a_few_times(
    client: BlockingClient, server: ApiServer
) -> None:
    await server.put("pods", NS, "a")
    server.faults.append(busy())
    assert await asked(client.get, PODS, NS, "a")
    server.faults.extend(busy() for _ in range(4))
    with pytest.raises(ApiError) as refused:
        await asked(client.get, PODS, NS, "a")
    assert refused.value.status == 429


def test_a_server_that_is_not_there_is_named_without_the_pools_words() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        client = BlockingClient(Access(f"http://127.0.0.1:{free.getsockname()[1]}"), "tests")
        with pytest.raises(ApiError, match=r"NoAnswer: .*Connection refused") as refused:
            client.get(PODS, NS, "a")
    assert refused.value.status == 0
    assert "Max retries" not in refused.value.message


def test_no_action_imports_what_takes_long() -> None:
    program = f"""
import sys
import orchestrator.actions.cluster, orchestrator.actions.main
from orchestrator.actions.registry import load
for name in {NAMES!r}:
    load(name)
print([name for name in ("kubernetes", "aiohttp", "kopf") if name in sys.modules])
"""
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"
