"""What is run: the same work for the operator and for the floor client."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

API_VERSION = "automation.itechsmart.dev/v1alpha1"
TEMPLATE = "bench"
IMAGE = "bench"


@dataclass(frozen=True, slots=True)
class Shape:
    """`executions` workflows at once, each a chain of `length` actions."""

    key: str
    """Its Workflow's name."""
    title: str
    executions: int
    length: int
    quick: bool
    """Whether it is the small edition."""
    records: bool = False
    """Whether the floor, too, creates the executions and writes each status twice."""

    @property
    def nodes(self) -> int:
        """Actions in all, which is Jobs and pods in all."""
        return self.executions * self.length

    @property
    def names(self) -> list[str]:
        """The executions."""
        return [f"{self.key}-{number}" for number in range(self.executions)]


def shapes(*, quick: bool) -> list[Shape]:
    """All shapes; `quick` runs a fifth of the work."""
    chains, single, alone = (10, 100, 10) if quick else (50, 500, 20)
    return [
        Shape("chains", f"{chains} chains of 10", chains, 10, quick),
        Shape("single", f"{single} one-node workflows", single, 1, quick, records=True),
        Shape("alone", f"one chain of {alone} alone", 1, alone, quick),
    ]


def node_name(index: int) -> str:
    """The name of a chain's node, from 0."""
    return f"n{index}"


def node_index(name: str) -> int:
    """The place of a node in its chain."""
    return int(name[1:])


def template_spec() -> dict[str, Any]:
    """The action of every node: no parameters, no outputs."""
    return {"action": {"image": IMAGE, "command": ["true"]}}


def definitions(shape: Shape) -> dict[str, dict[str, Any]]:
    """The Template and the Workflow, by the plural of their kind."""
    names = [node_name(index) for index in range(shape.length)]
    workflow = {
        "nodes": [{"name": name, "action": f"local/{TEMPLATE}"} for name in names],
        "edges": [{"from": source, "to": target} for source, target in pairwise(names)],
    }
    return {
        "templates": _manifest("Template", TEMPLATE, template_spec()),
        "workflows": _manifest("Workflow", shape.key, workflow),
    }


def execution(shape: Shape, name: str) -> dict[str, Any]:
    """One execution."""
    return _manifest("WorkflowExecution", name, {"workflow": shape.key})


def _manifest(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}
