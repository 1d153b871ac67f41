"""The contenders, each a fresh process for each run, started before the clock."""

from __future__ import annotations

import asyncio
import os
import sys
from abc import ABC, abstractmethod
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from pathlib import Path

import aiohttp

from dev.bench.client import OURS, Api
from dev.bench.metrics import Figures
from dev.bench.observer import Observer
from dev.bench.shapes import IMAGE, Shape, execution
from dev.ports import free_port

ROOT = Path(__file__).parent.parent.parent


class Contender(ABC):
    """A process that does a shape's work in a namespace."""

    name: str
    keeps_status = False
    """Whether it records what happened."""
    checkout = ROOT
    """The checkout of this project whose code it runs."""

    def __init__(self, api: Api, kubeconfig: Path, namespace: str, shape: Shape) -> None:
        self._api = api
        self._kubeconfig = kubeconfig
        self._namespace = namespace
        self._shape = shape
        self._running: Process | None = None

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    @property
    def _process(self) -> Process:
        assert self._running is not None, "not prepared"
        return self._running

    @abstractmethod
    async def prepare(self) -> None:
        """Start it, and return when it waits for work."""

    @abstractmethod
    async def work(self, observer: Observer) -> None:
        """Let it do the work, and return when all of it is done."""

    async def figures(self) -> Figures:
        """What it measures itself, once its work is done."""
        return {}

    async def stop(self) -> None:
        """End its process."""
        if self._running is None:
            return
        with suppress(ProcessLookupError):
            self._running.terminate()
        await self._running.wait()

    async def _start(self, *arguments: str) -> None:
        checkout = self.checkout
        paths = [str(checkout), str(checkout / "operator")]
        environ = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
        environ["KUBECONFIG"] = str(self._kubeconfig)
        python = checkout / ".venv/bin/python"
        self._running = await asyncio.create_subprocess_exec(
            str(python) if python.exists() else sys.executable, "-m", *arguments,
            env=environ, cwd=checkout, stdin=PIPE, stdout=PIPE,
        )  # fmt: skip


class FloorContender(Contender):
    """The bare client of dev.bench.floor."""

    name = "floor"
    jobs = "lean"
    """Whose Jobs it creates: the leanest ones, or the operator's `own`."""

    async def prepare(self) -> None:
        """Start it, and return when it has made what it needs."""
        kubeconfig = str(self._kubeconfig)
        await self._start(
            "dev.bench.floor", kubeconfig, self._namespace, self._shape.title, self.jobs
        )
        await self._says("ready")

    async def work(self, observer: Observer) -> None:  # noqa: ARG002  (it knows its own end)
        """Say go, and wait until it says done."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"go\n")
        await self._says("done")

    async def _says(self, word: str) -> None:
        assert self._process.stdout is not None
        line = (await self._process.stdout.readline()).decode().strip()
        if line != word:
            raise RuntimeError(f"the floor client ended; it was to say {word}")


class FloorOwnJobsContender(FloorContender):
    """The same client with the operator's Jobs."""

    name = "floor with our Job"
    jobs = "own"


class OperatorContender(Contender):
    """`orchestrator operator`, for this namespace only."""

    name = "operator"
    keeps_status = True
    image = IMAGE
    """The runner's."""

    async def prepare(self) -> None:
        """Start it, and return when it is ready and has judged the Workflow."""
        self._address = f"127.0.0.1:{free_port()}"
        await self._start("orchestrator", "operator", *self.options())
        while not (await _ready(self._address) and await self._judged()):
            if self._process.returncode is not None:
                raise RuntimeError("the operator ended; it says why above")
            await asyncio.sleep(0.1)

    def options(self) -> list[str]:
        """How it is started."""
        return [
            f"--namespace={self._namespace}", "--log-level=warning",
            f"--runner-image={self.image}", f"--health-address={self._address}",
        ]  # fmt: skip

    async def work(self, observer: Observer) -> None:
        """Create the executions, and wait until each is stored as ended."""
        path = f"{OURS}/namespaces/{self._namespace}/workflowexecutions"
        names = self._shape.names
        await asyncio.gather(
            *(self._api.create(path, execution(self._shape, name)) for name in names)
        )
        await observer.all_ended()

    async def _judged(self) -> bool:
        path = f"{OURS}/namespaces/{self._namespace}/workflows/{self._shape.key}"
        status = (await self._api.request("GET", path)).get("status", {})
        return any(
            condition["type"] == "Ready" and condition["status"] == "True"
            for condition in status.get("conditions", [])
        )


class AgainstContender(OperatorContender):
    """The operator of another checkout."""

    name = "against"


CONTENDERS: tuple[type[Contender], ...] = (
    FloorContender, FloorOwnJobsContender, OperatorContender,
)  # fmt: skip


def against(checkout: Path) -> type[Contender]:
    """The operator of that checkout as a contender."""
    return type("Against", (AgainstContender,), {"checkout": checkout.resolve()})


async def _ready(address: str) -> bool:
    try:
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://{address}/readyz") as answer,
        ):
            return answer.status == 200
    except aiohttp.ClientConnectionError:
        return False
