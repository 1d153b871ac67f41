"""Ordinary chains beside executions made to hold the operator up: what the ordinary ones notice.

The hostile ones are in a namespace of their own and are written as a user with `edit` could:
graphs of costly filters, lists at their limits, regular expressions, costly concurrency keys, votes
of 35 KB, and a workflow of a megabyte of expressions.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from dev.bench.client import OURS, Raw
from dev.bench.contenders import ROOT, OperatorContender
from dev.bench.measuring import Bench
from dev.bench.metrics import HEALTH, TRANSITIONS, Figures
from dev.bench.observer import Observer
from dev.bench.shapes import API_VERSION, TEMPLATE, Shape, template_spec

SHAPE = Shape("hostile", "50 chains of 10 beside hostile executions (floor: alone)", 50, length=10)
QUICK = replace(
    SHAPE, title="10 chains of 10 beside hostile executions (floor: alone)", executions=10
)
COPIES = 3
"""Executions of each hostile workflow."""
_LEASE = "operator"

_OBJECTS = [{"a": number, "b": [number]} for number in range(2_500)]
_HOSTS = [0] * 16_000
_VOTE = {
    "node": "ask",
    "by": "eve",
    "groups": ["sre"],
    "decision": "Approve",
    "inputs": {"hosts": list(range(7_000))},
}


async def measure_hostile(bench: Bench, shape: Shape) -> tuple[Figures, Figures]:
    """The figures beside hostile executions, and those alone."""
    alone = await bench.run(Alone, shape)
    return await bench.run(Beside, shape), alone


class Alone(OperatorContender):
    """The operator with a Lease, probed all the time, for this namespace and the hostile one."""

    def options(self) -> list[str]:
        """With the other namespace and a Lease."""
        lease = f"--lease={self._namespace}/{_LEASE}"
        return [*super().options(), f"--namespace={self._elsewhere}", lease]

    async def prepare(self) -> None:
        """Start it once the other namespace is there."""
        await self._api.create("/api/v1/namespaces", {"metadata": {"name": self._elsewhere}})
        await super().prepare()

    async def work(self, observer: Observer) -> None:
        """Do the shape's work while it is probed."""
        async with self._probed():
            await super().work(observer)

    async def figures(self) -> Figures:
        """How long the slowest probe took, and how often the Lease changed hands."""
        path = f"/apis/coordination.k8s.io/v1/namespaces/{self._namespace}/leases/{_LEASE}"
        lease = await self._api.request("GET", path)
        transitions = float(lease["spec"].get("leaseTransitions") or 0)
        return {HEALTH: 1000 * self._slowest, TRANSITIONS: transitions}

    @property
    def _elsewhere(self) -> str:
        return f"{self._namespace}-hostile"

    @asynccontextmanager
    async def _probed(self) -> AsyncIterator[None]:
        probe = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "dev.bench.probe", self._address, "/healthz",
            stdin=PIPE, stdout=PIPE, cwd=ROOT,
        )  # fmt: skip
        try:
            yield
        finally:
            slowest, _ = await probe.communicate(b"")  # closes its input
        if probe.returncode:
            raise RuntimeError("/healthz: not answered, or not with 200")
        self._slowest = float(slowest)


class Beside(Alone):
    """The same beside hostile executions, which begin first."""

    async def work(self, observer: Observer) -> None:
        """Start the hostile executions, then do the shape's work."""
        base = f"{OURS}/namespaces/{self._elsewhere}"
        parameters = [{"name": "text", "type": "string"}]
        template = {**template_spec(), "parameters": parameters}
        await self._api.create(f"{base}/templates", _manifest("Template", TEMPLATE, template))
        for name, spec in hostile_workflows().items():
            await self._api.create(f"{base}/workflows", _manifest("Workflow", name, spec))
        for name in hostile_workflows():
            for number in range(COPIES):
                asked: Raw = {"workflow": name}
                if name == "votes":
                    asked["decisions"] = [_VOTE]
                made = _manifest("WorkflowExecution", f"{name}-{number}", asked)
                await self._api.create(f"{base}/workflowexecutions", made)
        await super().work(observer)


def hostile_workflows() -> dict[str, dict[str, Any]]:
    """The hostile workflows' specs by name."""
    objects = {"name": "objects", "type": "list", "default": _OBJECTS}
    hosts = {"name": "hosts", "type": "list", "default": _HOSTS}
    text = {"name": "text", "type": "string", "default": "a" * 2_000}
    unique = "vars.objects | unique | length > 0"
    asked = {"properties": {"hosts": {"type": "array", "uniqueItems": True}}}
    approval = {"approvers": ["group:sre"], "inputs": asked}
    return {
        "filters": _conditions(2_000, unique, objects),
        "members": _conditions(500, "vars.hosts | reject('in', vars.hosts) | length > 0", hosts),
        "patterns": _conditions(1_000, "vars.text is matches('(?:.?){200}x')", text),
        "waits": {
            "variables": [objects],
            "nodes": [{"name": f"w{n}", "wait": {"until": f"not ({unique})"}} for n in range(50)],
        },
        "keys": {
            **_conditions(1, "true", objects),
            "concurrency": {"limit": 1, "key": f"({unique}) ~ 'key'"},
        },
        "items": {
            "variables": [{"name": "items", "type": "list", "default": list(range(9_000))}],
            "nodes": [
                {
                    "name": "all",
                    "action": f"local/{TEMPLATE}",
                    "with": {"text": "$[[ item * 2 ]] of $[[ vars.items | length ]]"},
                    "forEach": {"values": "vars.items", "as": "item", "parallelism": 1},
                }
            ],
        },
        "votes": {"nodes": [{"name": "ask", "approval": approval, "timeout": "10m"}]},
        "reads": {
            "variables": [text],
            "nodes": [{"name": f"n{n}", "condition": _long_expression(n)} for n in range(900)],
        },
    }


def _conditions(count: int, expression: str, variable: dict[str, Any]) -> dict[str, Any]:
    nodes = [{"name": f"c{number}", "condition": expression} for number in range(count)]
    return {"variables": [variable], "nodes": nodes}


def _long_expression(number: int) -> str:
    return " or ".join(f'vars.text | upper == "{number}.{part}"' for part in range(28))


def _manifest(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}
