"""Renders an execution as a tree of its nodes; pure, so that it is the same wherever it is
shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.cli.tables import shorten, shorten_middle, width
from orchestrator.engine.times import from_rfc3339, in_words
from orchestrator.models.plain_text import plain_text
from orchestrator.models.reasons import Reason

SYMBOLS = {
    "Succeeded": "✔",
    "Failed": "✖",
    "TimedOut": "✖",
    "Skipped": "○",
    "Cancelled": "⊘",
    "Waiting": "◷",
    "Pending": "◌",
    "": "·",
}
STYLES = {
    "Succeeded": "green",
    "Failed": "red",
    "TimedOut": "red",
    "Skipped": "dim",
    "Cancelled": "yellow",
    "Running": "cyan",
    "Waiting": "blue",
    "Pending": "cyan",
    "": "dim",
}
EXIT_CODES = {"Succeeded": 0, "Failed": 1, "TimedOut": 3, "Cancelled": 4}
SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
"""Spinner before a running node, ten frames a second."""
_ASIDE = ("Failed", "Else")
"""Outcomes that lead to error handlers."""
_QUIET = (Reason.JOB_CREATED, Reason.STARTING, Reason.COMPLETED, "")
_MAX_RANGES = 8
_DEEPEST = 12
"""Maximum indentation levels of a line."""
_GAP = 2
_SHORTEST_WORDS = 8
"""Width below which messages are left out, in columns."""


@dataclass(frozen=True)
class Line:
    """One node: depth, position, and text."""

    depth: int
    name: str
    phase: str
    took: str
    words: str

    def symbol(self, now: float) -> str:
        """One character for the phase; a spinner while the node runs."""
        if self.phase == "Running":
            return SPINNER[int(now * 10) % len(SPINNER)]
        return SYMBOLS.get(self.phase, "?")

    @property
    def style(self) -> str:
        """The colour of the phase."""
        return STYLES.get(self.phase, "")


def order(graph: Mapping[str, Any]) -> list[tuple[int, str]]:
    """The nodes with their depth, in the order of the edges; every node once.

    A chain stays at its depth, branches and error handlers are one deeper, and after a join the
    depth is that of the fork.
    """
    nodes = [node["name"] for node in graph.get("nodes") or []]
    following: dict[str, list[Mapping[str, Any]]] = {name: [] for name in nodes}
    undecided = dict.fromkeys(nodes, 0)
    for edge in graph.get("edges") or []:
        following[edge["from"]].append(edge)
        undecided[edge["to"]] += 1
    proposed: dict[str, list[tuple[int, bool]]] = {name: [] for name in nodes}
    ready = [name for name in nodes if undecided[name] == 0]
    result: dict[str, int] = {}
    while ready:
        name = ready.pop(0)
        depth = result[name] = _depth(proposed[name])
        edges = following[name]
        forks = sum(edge.get("outcome") not in _ASIDE for edge in edges) > 1
        starting = []
        for edge in edges:
            target, aside = edge["to"], edge.get("outcome") in _ASIDE
            proposed[target].append((depth + (forks or aside), aside))
            undecided[target] -= 1
            if undecided[target] == 0:
                starting.append(target)
        ready[:0] = starting
    return [(depth, name) for name, depth in result.items()]


def _depth(proposed: Sequence[tuple[int, bool]]) -> int:
    """The depth that each edge proposes, and whether it leads to an error handler."""
    depths = [depth for depth, _ in proposed]
    if len(depths) > 1 and min(depths) == max(depths) > 0 and not any(a for _, a in proposed):
        return depths[0] - 1
    return min(depths, default=0)


def lines(nodes: Sequence[tuple[int, str]], execution: Mapping[str, Any], now: float) -> list[Line]:
    """The tree's lines at this time (seconds since the epoch)."""
    records = (execution.get("status") or {}).get("nodes") or {}
    return [line_of(depth, name, records.get(name) or {}, now) for depth, name in nodes]


def fitting(drawn: Sequence[Line], height: int) -> list[Line]:
    """At most `height` lines: first running or failed nodes, then the last to end and the next to
    start."""
    if len(drawn) <= height:
        return list(drawn)

    def rank(index: int) -> tuple[int, int]:
        match drawn[index].phase:
            case "Running" | "Pending" | "Waiting" | "Failed" | "TimedOut":
                return 0, index
            case "Succeeded" | "Cancelled":
                return 1, -index
            case "Skipped":
                return 3, index
        return 2, index

    kept = sorted(range(len(drawn)), key=rank)[: max(height - 1, 0)]
    left = len(drawn) - len(kept)
    return [*(drawn[index] for index in sorted(kept)), Line(0, f"and {left} more", "", "", "")]


@dataclass(frozen=True)
class Cells:
    """One line of the tree in terminal columns."""

    indent: int
    name: str
    took: str
    words: str


def fit(drawn: Sequence[Line], columns: int) -> list[Cells]:
    """The lines within `width` columns: symbol, name and time are kept, messages are shortened.

    Indentation is reduced before a name is; a name wider than the terminal keeps both ends.
    """
    times = max((len(line.took) for line in drawn), default=0)
    room = columns - 2 - times - (_GAP if times else 0)
    names = [width(line.name) for line in drawn]
    indents = [
        min(2 * min(line.depth, _DEEPEST), max(0, room - name))
        for line, name in zip(drawn, names, strict=True)
    ]
    widest = min(room, max((a + b for a, b in zip(indents, names, strict=True)), default=0))
    left = columns - 2 - widest - (times + _GAP if times else 0) - _GAP
    fitted = []
    for line, indent in zip(drawn, indents, strict=True):
        name = shorten_middle(line.name, room - indent)
        name += " " * (widest - indent - width(name))
        words = shorten(plain_text(line.words), left) if left >= _SHORTEST_WORDS else ""
        fitted.append(Cells(indent, name, line.took.rjust(times), words))
    return fitted


def line_of(depth: int, name: str, record: Mapping[str, Any], now: float) -> Line:
    """The line for a node's record."""
    phase, reason = record.get("phase", ""), record.get("reason", "")
    words = [] if reason in _QUIET or reason == phase else [reason]
    if record.get("attempts", 1) > 1:
        words.append(f"attempt {record['attempts']}")
    if phase == "Succeeded" and record.get("outputs", {}).keys() == {"result"}:
        words.append(str(record["outputs"]["result"]).lower())
    if "retryAt" in record and phase == "Waiting":
        words.append(f"{in_words(from_rfc3339(record['retryAt']) - now)} left")
    if record.get("failed"):
        words.append(f"failed items {_ranges(record['failed'])}")
    if message := " ".join(record.get("message", "").split()):
        words.append(message)
    return Line(depth, name, phase, _took(record, now), ": ".join(words))


def _took(record: Mapping[str, Any], now: float) -> str:
    """How long a node has run; a pod's times are whole seconds, so a short run is under one."""
    if "startedAt" not in record or record.get("phase") == "Pending":
        return ""
    finished = record.get("finishedAt")
    seconds = (from_rfc3339(finished) if finished else now) - from_rfc3339(record["startedAt"])
    if finished and record.get("job") and seconds < 1:
        return "<1s"
    return in_words(seconds)


def _ranges(text: str) -> str:
    """The ranges of a fan-out; only the first few if there are many."""
    parts = text.split(",")
    more = len(parts) - _MAX_RANGES
    return ", ".join(parts[:_MAX_RANGES]) + (f" and {more} more ranges" if more > 0 else "")
