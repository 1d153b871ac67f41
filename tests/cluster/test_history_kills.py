"""Executions outlive their objects, whatever is killed: API, operator, recorder, PostgreSQL."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from dev.ports import free_port
from orchestrator.client import Client, NoAnswerError, ProblemError
from orchestrator.engine.status.conditions import is_recorded
from tests.api_process import ApiProcess, token_of
from tests.history_database import HistoryDatabase
from tests.kube import Kubectl, Operator, eventually, workflow
from tests.postgresql import PostgresqlServer
from tests.recorder_process import RecorderProcess

MANY = int(os.environ.get("EXECUTIONS", "100"))
"""Executions that are started."""
KEPT = 30
"""Ended executions that the cluster keeps."""
KILLS = 8
AT_ONCE = 8
"""Executions that are started at a time."""


def quick() -> dict[str, Any]:
    """A Workflow without Jobs."""
    nodes = [{"name": "one", "transform": {"x": "1"}}, {"name": "two", "transform": {"x": "2"}}]
    edges = [{"from": "one", "to": "two"}]
    return workflow("quick", nodes=nodes, edges=edges, history={"succeeded": KEPT})


async def start(client: Client, number: int) -> str:
    """Start an execution, however often the API does not answer; its uid."""
    while True:
        try:
            started = await client.workflows.execute(
                "quick", name=f"run-{number}", idempotency_key=f"key-{number}"
            )
        except NoAnswerError:
            await asyncio.sleep(0.2)
        except ProblemError as error:
            if error.status < 500:
                raise
            await asyncio.sleep(0.2)
        else:
            uid: str = started.value["metadata"]["uid"]
            return uid


def restarted(process: Operator) -> Callable[[], None]:
    """Kills a process and starts it again."""

    def restart() -> None:
        process.kill()
        process.start()

    return restart


@asynccontextmanager
async def killing(kills: list[Callable[[], None]], started: list[str]) -> AsyncIterator[None]:
    """Kill meanwhile, at moments between the starts."""
    rng = random.Random(KILLS)

    def reached(moment: float) -> None:
        eventually(lambda: len(started) >= moment, 300.0 + MANY)

    async def kill_all() -> None:
        for turn, kill in enumerate(kills):
            moment = MANY * (turn + rng.random()) / (len(kills) + 1)
            await asyncio.to_thread(reached, moment)
            await asyncio.to_thread(kill)

    task = asyncio.create_task(kill_all())
    yield
    await task


@pytest.fixture
def database(postgresql: PostgresqlServer, tmp_path: Path) -> str:
    """The option for an empty history."""
    return f"--database-file={HistoryDatabase(postgresql, tmp_path).file}"


async def test_every_execution_is_answered_once_whatever_is_killed(
    kubectl: Kubectl,
    kubeconfig: Path,
    account: Path,
    recorder_config: Path,
    postgresql: PostgresqlServer,
    database: str,
    tmp_path: Path,
) -> None:
    kubectl.apply(quick())
    namespace, port = f"--namespace={kubectl.namespace}", free_port()
    operator = Operator(account, tmp_path / "operator", namespace, "--history")
    recorder = RecorderProcess(recorder_config, tmp_path / "recorder", namespace, database)
    api = ApiProcess(
        kubeconfig, tmp_path / "api", f"--address=127.0.0.1:{port}", database, "--rate=1000"
    )

    def crash_database() -> None:
        postgresql.halt()
        postgresql.resume()

    processes = [operator, recorder, api]
    kills = [*(restarted(each) for each in processes), crash_database] * (KILLS // 4)
    token = token_of(kubectl, "user", "cluster-admin", everywhere=True)
    client = Client(f"http://127.0.0.1:{port}", token=token, namespace=kubectl.namespace)
    for each in processes:
        each.start()
    try:
        async with client:
            started: list[str] = []
            slots = asyncio.Semaphore(AT_ONCE)

            async def one(number: int) -> None:
                async with slots:
                    started.append(await start(client, number))

            async with killing(kills, started):
                await asyncio.gather(*map(one, range(MANY)))
            assert len(set(started)) == MANY
            await asyncio.to_thread(eventually, lambda: settled(kubectl), 120.0 + MANY / 5)
            found = [
                raw["metadata"]["uid"]
                async for raw in client.executions.list(namespace=kubectl.namespace)
            ]
            assert sorted(found) == sorted(started)
            figures = await client.figures.dashboard(namespace=kubectl.namespace)
            assert figures["lastDay"]["byPhase"] == {"Succeeded": MANY}, figures
            for uid in random.Random(1).sample(started, 20):
                read = await client.executions.get(uid)
                assert read.value["status"]["phase"] == "Succeeded"
    finally:
        for each in processes:
            each.stop()


def settled(kubectl: Kubectl) -> bool:
    """Whether all have ended and are recorded, and those beyond KEPT are gone."""
    items = kubectl.get("awfx")["items"]
    return len(items) == KEPT and all(is_recorded(raw.get("status") or {}) for raw in items)
