"""What is drawn of a Workflow: nodes with their kinds and states, edges with their outcomes and
conditions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

KINDS = ("action", "condition", "approval", "delay", "workflow", "transform", "wait", "fail")
"""The keys of which a node has exactly one."""
COLOURS = {
    "Succeeded": "#2da44e",
    "Failed": "#cf222e",
    "TimedOut": "#cf222e",
    "Running": "#0969da",
    "Waiting": "#8250df",
    "Pending": "#0969da",
    "Cancelled": "#bf8700",
    "Skipped": "#8c959f",
}
"""The colour of each phase, readable on light and dark backgrounds."""
_DEFAULTS = ("Succeeded", "Then")
"""Outcomes that an edge requires if it names none."""


@dataclass(frozen=True)
class Box:
    """A node."""

    name: str
    kind: str
    detail: str = ""
    """The action or Workflow that the node runs, or how it repeats."""
    phase: str = ""
    final: bool = False

    @property
    def lines(self) -> list[str]:
        """The text inside the box."""
        about = self.detail or self.kind
        return [self.name, *([about] if about != self.name else [])]


@dataclass(frozen=True)
class Arrow:
    """An edge."""

    source: str
    target: str
    label: str = ""
    aside: bool = False
    """Whether it leads to an error handler."""


@dataclass(frozen=True)
class Picture:
    """A whole graph."""

    title: str
    boxes: Sequence[Box]
    arrows: Sequence[Arrow]

    @property
    def phases(self) -> list[str]:
        """The phases of the boxes."""
        return sorted({box.phase for box in self.boxes if box.phase})


def picture_of(
    title: str, workflow: Mapping[str, Any], records: Mapping[str, Any] | None = None
) -> Picture:
    """The picture of a Workflow's spec; with the records of an execution, nodes are coloured by
    phase."""
    final = set(workflow.get("finally") or ())
    boxes = [
        _box(node, (records or {}).get(node["name"]) or {}, final)
        for node in workflow.get("nodes") or ()
    ]
    names = {box.name for box in boxes}
    arrows = [
        _arrow(edge)
        for edge in workflow.get("edges") or ()
        if edge.get("from") in names and edge.get("to") in names
    ]
    return Picture(title, boxes, arrows)


def _box(node: Mapping[str, Any], record: Mapping[str, Any], final: set[str]) -> Box:
    kind = next((kind for kind in KINDS if kind in node), "")
    value = node.get(kind)
    detail = ""
    if kind in ("action", "delay"):
        detail = str(value)
    elif kind == "workflow" and isinstance(value, dict):
        detail = f"workflow {value.get('name', '')}"
    if "forEach" in node:
        detail += " for each"
    elif "repeat" in node:
        detail += " repeated"
    name = str(node["name"])
    return Box(name, kind, detail.strip(), record.get("phase", ""), name in final)


def _arrow(edge: Mapping[str, Any]) -> Arrow:
    outcome, when = edge.get("outcome"), edge.get("when")
    words = [str(outcome)] if outcome and outcome not in _DEFAULTS else []
    if when:
        words.append(f"when {when}")
    return Arrow(edge["from"], edge["to"], " ".join(words), outcome == "Failed")
