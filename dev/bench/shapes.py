"""What is run: the same work for the operator and for the floor client."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

API_VERSION = "automation.itechsmart.dev/v1alpha1"
TEMPLATE = "bench"
IMAGE = "bench"
AT_ONCE = 500
"""Items of a fan-out at once."""


@dataclass(frozen=True, slots=True)
class Shape:
    """`executions` at once, each of `chains` chains of `length` actions, or a fan-out."""

    key: str
    """Its Workflow's name."""
    title: str
    executions: int
    length: int = 1
    chains: int = 1
    items: int = 0
    """Items of its only node's fan-out; 0 where there is none."""
    records: bool = False
    """Whether the floor with our Job also creates the executions and writes each status twice."""
    limit: float = 120.0
    """Seconds after which a run is given up."""

    @property
    def nodes(self) -> int:
        """Pods in all: actions, or items of fan-outs."""
        return self.executions * (self.items or self.chains * self.length)

    @property
    def names(self) -> list[str]:
        """The executions."""
        return [f"{self.key}-{number}" for number in range(self.executions)]

    @property
    def successors(self) -> Iterator[tuple[str, str]]:
        """Nodes of an execution that follow each other."""
        for chain in range(self.chains):
            yield from pairwise(node_name(chain, index) for index in range(self.length))


def shapes(*, quick: bool) -> list[Shape]:
    """All shapes; `quick` runs a fifth of the work, and nothing large."""
    if quick:
        return [
            Shape("chains", "10 chains of 10", 10, length=10),
            Shape("single", "100 one-node workflows", 100, records=True),
            Shape("fan", "fan-out of 100", 1, items=100),
            Shape("alone", "one chain of 10 alone", 1, length=10),
        ]
    return [
        Shape("chains", "50 chains of 10", 50, length=10),
        Shape("single", "500 one-node workflows", 500, records=True),
        Shape("fan", "fan-out of 500", 1, items=500),
        Shape("alone", "one chain of 20 alone", 1, length=20),
        Shape("graphs", "40 graphs of 50 nodes", 40, length=5, chains=10, limit=300.0),
        Shape("graph", "one graph of 2,000 nodes", 1, length=40, chains=50, limit=300.0),
        Shape("thousand", "1,000 one-node workflows", 1000, records=True, limit=300.0),
        Shape("fan10k", "fan-out of 10,000", 1, items=10_000, limit=900.0),
        Shape("single10k", "10,000 one-node workflows", 10_000, records=True, limit=1500.0),
    ]


WARM_UP = Shape("warm", "warming up", 1, length=3)


def node_name(chain: int, index: int) -> str:
    """The name of a chain's node, both from 0."""
    return f"c{chain}n{index}"


def template_spec() -> dict[str, Any]:
    """The action of every node: no parameters, no outputs, no files."""
    return {"action": {"image": IMAGE, "command": ["true"], "volumes": []}}


def definitions(shape: Shape) -> dict[str, dict[str, Any]]:
    """The Template and the Workflow, by the plural of their kind."""
    return {
        "templates": _manifest("Template", TEMPLATE, template_spec()),
        "workflows": _manifest("Workflow", shape.key, _workflow(shape)),
    }


def _workflow(shape: Shape) -> dict[str, Any]:
    action = f"local/{TEMPLATE}"
    # Nothing is tidied up while the clock runs.
    spec: dict[str, Any] = {"history": {"succeeded": 10_000}}
    if shape.items:
        each = {"values": "vars.items", "as": "item", "parallelism": AT_ONCE}
        items = list(range(shape.items))
        spec["variables"] = [{"name": "items", "type": "list", "default": items}]
        spec["nodes"] = [{"name": node_name(0, 0), "action": action, "forEach": each}]
        return spec
    spec["nodes"] = [
        {"name": node_name(chain, index), "action": action}
        for chain in range(shape.chains)
        for index in range(shape.length)
    ]
    spec["edges"] = [{"from": source, "to": target} for source, target in shape.successors]
    return spec


def execution(shape: Shape, name: str) -> dict[str, Any]:
    """One execution."""
    return _manifest("WorkflowExecution", name, {"workflow": shape.key})


def _manifest(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}
