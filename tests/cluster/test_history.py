"""The history on a real API server: recorded once, whatever is killed."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestrator.cli.history_options import DATABASE_VARIABLE
from orchestrator.cli.main import load
from orchestrator.engine.status.conditions import is_recorded
from orchestrator.history.database import UnavailableError
from orchestrator.history.figures import figures
from orchestrator.history.selection import Selection
from orchestrator.history.store import Store
from orchestrator.kube.client import ApiClient, ApiError
from orchestrator.kube.resources import EXECUTIONS, LEASES
from tests.databases import new_database
from tests.kube import ROOT, Kubectl, execution
from tests.postgresql import PostgresqlServer
from tests.service_accounts import NAMESPACE

MANY = int(os.environ.get("EXECUTIONS", "300"))
"""Executions that end while the recorder and the database are killed."""
WITHIN_SECONDS = 120.0 + MANY / 10
STATUS: dict[str, Any] = {
    "phase": "Succeeded",
    "reason": "Succeeded",
    "message": "all nodes succeeded",
    "startedAt": "2026-01-31T12:00:00.000Z",
    "finishedAt": "2026-01-31T12:00:07.250Z",
    "outputs": {"healthy": True, "nothing": None},
    "conditions": [
        {
            "type": "Finished",
            "status": "True",
            "reason": "Succeeded",
            "message": "",
            "lastTransitionTime": "2026-01-31T12:00:07Z",
        }
    ],
}


class Recorder:
    """The recorder as a process of its own."""

    def __init__(self, kubeconfig: Path, log: Path, database: str, lease: str = "") -> None:
        paths = os.pathsep.join([str(ROOT), str(ROOT / "operator")])
        environ = {**os.environ, "KUBECONFIG": str(kubeconfig), "PYTHONPATH": paths}
        environ[DATABASE_VARIABLE] = database
        command = [sys.executable, "-m", "orchestrator", "recorder", f"--lease={lease}"]
        with log.open("ab") as output:
            self._process = subprocess.Popen(command, env=environ, stdout=output, stderr=output)

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Send the signal, and wait for the end of the process."""
        if self._process.poll() is None:
            self._process.send_signal(how)
        code = self._process.wait(30)
        assert code in (0, -signal.SIGKILL), f"exit code {code}"


@contextmanager
def recording(kubeconfig: Path, log: Path, database: str, lease: str = "") -> Iterator[Recorder]:
    """A recorder for as long as the block runs."""
    recorder = Recorder(kubeconfig, log, database, lease)
    try:
        yield recorder
    finally:
        recorder.end()


@pytest.fixture
async def operator(account: Path) -> AsyncIterator[ApiClient]:
    """Who ends executions."""
    async with ApiClient.from_environment(str(account)) as client:
        yield client


@pytest.fixture
async def store(postgresql: PostgresqlServer) -> AsyncIterator[tuple[str, Store]]:
    """An empty database, and the store in it."""
    url = new_database(postgresql)
    store = Store(url)
    await store.migrate()
    yield url, store
    await store.close()


async def until(check: Callable[[], Awaitable[bool]], what: str) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + WITHIN_SECONDS
    while not await check():
        assert time.monotonic() < deadline, f"not {what} in time"
        await asyncio.sleep(0.2)  # between two questions to a cluster


async def end(client: ApiClient, namespace: str, *names: str, **status: Any) -> list[str]:
    """Create executions and end them; their uids."""
    slots = asyncio.Semaphore(8)

    async def one(name: str) -> str:
        async with slots:
            made = await client.create(EXECUTIONS, namespace, execution("w", name))
            ended = [{"op": "add", "path": "/status", "value": {**STATUS, **status}}]
            await client.patch(EXECUTIONS, namespace, name, ended, subresource="status")
        uid: str = made["metadata"]["uid"]
        return uid

    return list(await asyncio.gather(*map(one, names)))


async def unmarked(client: ApiClient, namespace: str) -> int:
    """Executions without the condition."""
    items, _ = await client.list(EXECUTIONS, namespace)
    return sum(not is_recorded(raw.get("status") or {}) for raw in items)


async def test_nothing_is_lost_or_doubled_when_recorder_and_database_are_killed(
    kubectl: Kubectl,
    recorder_config: Path,
    operator: ApiClient,
    store: tuple[str, Store],
    postgresql: PostgresqlServer,
    tmp_path: Path,
) -> None:
    url, history = store
    rng, log, namespace = random.Random(7), tmp_path / "log", kubectl.namespace
    selection = Selection(namespaces=frozenset({namespace}))

    async def recorded() -> int:
        try:
            return (await figures(history.engine, selection)).runs.total
        except UnavailableError:
            return 0

    uids: list[str] = []
    for number in range(4):
        names = [f"r{number}-{index}" for index in range(MANY // 4)]
        ending = asyncio.create_task(end(operator, namespace, *names))
        with recording(recorder_config, log, url) as recorder:
            wanted = len(uids) + rng.randrange(1, len(names) // 2)

            async def some(wanted: int = wanted) -> bool:
                return await recorded() >= wanted

            if number == 1:
                postgresql.halt()
                await asyncio.sleep(rng.uniform(0.5, 2.0))  # while executions end
                postgresql.resume()
            await until(some, "recorded")
            if number == 2:
                postgresql.halt()
                postgresql.resume()
            recorder.end(signal.SIGKILL)
        uids += await ending

    async def settled() -> bool:
        return await unmarked(operator, namespace) == 0

    with recording(recorder_config, log, url):
        await until(settled, "marked")
    page = await history.page(selection, limit=500)
    found = [item.uid for item in page.items]
    while page.next is not None:
        page = await history.page(selection, limit=500, begin=page.next)
        found += [item.uid for item in page.items]
    assert sorted(found) == sorted(uids)
    assert await recorded() == len(uids)
    kept = await history.get(uids[0])
    live = await operator.get(EXECUTIONS, namespace, "r0-0")
    assert kept is not None
    assert kept["status"] == STATUS
    conditions = {each["type"]: each["status"] for each in live["status"]["conditions"]}
    assert conditions == {"Finished": "True", "Recorded": "True"}
    assert live["status"]["outputs"] == STATUS["outputs"]


async def test_one_of_two_replicas_records_and_the_other_takes_over(
    kubectl: Kubectl,
    recorder_config: Path,
    operator: ApiClient,
    kubeconfig: Path,
    store: tuple[str, Store],
    tmp_path: Path,
) -> None:
    url, _ = store
    name, namespace = f"history-{kubectl.namespace}", kubectl.namespace
    lease = f"{NAMESPACE}/{name}"

    async def settled() -> bool:
        return await unmarked(operator, namespace) == 0

    async with ApiClient.from_environment(str(kubeconfig)) as administrator:

        async def holder() -> str:
            try:
                found = await administrator.get(LEASES, NAMESPACE, name)
            except ApiError:
                return ""
            held: str = found["spec"].get("holderIdentity") or ""
            return held

        async def held() -> bool:
            return bool(await holder())

        with recording(recorder_config, tmp_path / "first", url, lease) as first:
            await until(held, "elected")
            before = await holder()
            with recording(recorder_config, tmp_path / "second", url, lease):
                await end(operator, namespace, "one", "two")
                await until(settled, "marked by the first")
                assert await holder() == before
                first.end()
                await end(operator, namespace, "three")
                await until(settled, "marked by the second")
                assert await holder() not in ("", before)


async def test_the_account_of_the_recorder_may_set_its_condition_and_nothing_else(
    kubectl: Kubectl, recorder_config: Path, operator: ApiClient
) -> None:
    namespace = kubectl.namespace
    await end(operator, namespace, "over")
    nodes = {f"n{number}": {"phase": "Succeeded", "message": "m" * 200} for number in range(2000)}
    await end(operator, namespace, "large", nodes=nodes)
    await end(operator, namespace, "active", phase="Running", finishedAt=None)
    recorded = {**STATUS["conditions"][0], "type": "Recorded", "reason": "Recorded"}
    conditions = [*STATUS["conditions"], recorded]
    async with ApiClient.from_environment(str(recorder_config)) as recorder:

        async def refused(name: str, status: Any, words: str = "only the operator writes") -> None:
            with pytest.raises(ApiError, match=words):
                await recorder.patch(
                    EXECUTIONS, namespace, name, {"status": status}, subresource="status"
                )

        await refused("active", {"conditions": conditions})
        await refused("over", {"conditions": conditions, "phase": "Failed"})
        await refused("over", {"conditions": conditions, "outputs": None})
        await refused("over", {"conditions": conditions, "nodes": {}})
        await refused("over", {"conditions": [recorded]})
        await refused("over", {"conditions": [*conditions, {**recorded, "type": "Other"}]})
        body = {"status": {"conditions": conditions}}
        for name in ("over", "large"):
            await recorder.patch(EXECUTIONS, namespace, name, body, subresource="status")
    own = Kubectl(recorder_config, namespace)
    for forbidden in (("label", "awfx", "over", "a=b"), ("delete", "awfx", "over")):
        assert "Forbidden" in own.attempt(*forbidden).stderr
    policy = json.loads(kubectl("get", "validatingadmissionpolicy",
                                "itechsmart-workflow-status", "-o", "json"))  # fmt: skip
    assert not (policy.get("status") or {}).get("typeChecking", {}).get("expressionWarnings")


def test_the_manifests_of_the_recorder_are_accepted(
    kubectl: Kubectl, recorder_config: Path
) -> None:
    assert recorder_config.exists()  # its namespace is there
    folder = ROOT / "manifests/recorder"
    kubectl.within(NAMESPACE)("apply", "--server-side", "--dry-run=server", "-k", str(folder))
    documents = yaml.safe_load_all((folder / "recorder.yaml").read_text())
    (deployment,) = (each for each in documents if each["kind"] == "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    name, *options = container["args"]
    load(name).make_context(name, options)
