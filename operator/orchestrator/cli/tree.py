"""An execution as a tree of its nodes: pure, so that it looks the same wherever it is shown."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.engine.times import from_rfc3339, in_words

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
"""What stands before a running node, ten pictures a second."""
_ASIDE = ("Failed", "Else")
"""Outcomes that lead away from the way things should go."""
_QUIET = ("JobCreated", "Starting", "Completed", "")


@dataclass(frozen=True)
class Line:
    """One node: how deep it stands, where it stands, and what there is to say."""

    depth: int
    name: str
    phase: str
    took: str
    words: str

    def symbol(self, now: float) -> str:
        """One character for the phase; it turns while the node runs."""
        if self.phase == "Running":
            return SPINNER[int(now * 10) % len(SPINNER)]
        return SYMBOLS.get(self.phase, "?")

    @property
    def style(self) -> str:
        """The colour of the phase."""
        return STYLES.get(self.phase, "")


def order(graph: Mapping[str, Any]) -> list[tuple[int, str]]:
    """The nodes with their depth, as a reader follows the edges; every node once.

    A chain stays at its depth, branches and error handlers stand one deeper, and where branches
    meet again the depth is that of where they parted.
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
    """By what each edge proposes, and whether it leads aside."""
    depths = [depth for depth, _ in proposed]
    if len(depths) > 1 and min(depths) == max(depths) > 0 and not any(a for _, a in proposed):
        return depths[0] - 1
    return min(depths, default=0)


def lines(nodes: Sequence[tuple[int, str]], execution: Mapping[str, Any], now: float) -> list[Line]:
    """The tree's lines at this moment (seconds since the epoch)."""
    records = (execution.get("status") or {}).get("nodes") or {}
    return [_line(depth, name, records.get(name) or {}, now) for depth, name in nodes]


def fitting(drawn: Sequence[Line], height: int) -> list[Line]:
    """At most `height` lines: first what runs or failed, then what ended last and comes next."""
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


def transitions(
    before: Mapping[str, Any] | None, after: Mapping[str, Any], now: float
) -> list[str]:
    """What changed between two looks, a plain line each: when, node, phase, duration, words."""
    status = after.get("status") or {}
    old = ((before or {}).get("status") or {}).get("nodes") or {}
    began, ended = (_seconds(status.get(key), now) for key in ("startedAt", "finishedAt"))
    changed = []
    for name, record in (status.get("nodes") or {}).items():
        was = old.get(name) or {}
        if all(was.get(key) == record.get(key) for key in ("phase", "message", "attempts")):
            continue
        since = _seconds(record.get("finishedAt") or record.get("startedAt"), ended) - began
        line = _line(0, name, record, now)
        took = line.took if "finishedAt" in record else ""
        said = f"{in_words(since):>6}  {name:<16} {line.phase:<9} {took:<6} {line.words}"
        changed.append((since, said.rstrip()))
    return [said for _, said in sorted(changed)]


def ending(execution: Mapping[str, Any]) -> str | None:
    """The sentence at the end, or None while it goes on."""
    status = execution.get("status") or {}
    phase = status.get("phase", "")
    if phase not in EXIT_CODES:
        return None
    took = ""
    if "startedAt" in status and "finishedAt" in status:
        seconds = from_rfc3339(status["finishedAt"]) - from_rfc3339(status["startedAt"])
        took = f" after {in_words(seconds)}"
    message = status.get("message", "")
    outputs = "".join(
        f"\n  {key} = {value if isinstance(value, str) else json.dumps(value)}"
        for key, value in (status.get("outputs") or {}).items()
    )
    return f"{phase}{took}{f': {message}' if message else ''}{outputs}"


def _line(depth: int, name: str, record: Mapping[str, Any], now: float) -> Line:
    phase = record.get("phase", "")
    took = ""
    if "startedAt" in record and phase != "Pending":
        until = _seconds(record.get("finishedAt"), now)
        took = in_words(until - from_rfc3339(record["startedAt"]))
    reason, message = record.get("reason", ""), record.get("message", "")
    words = [] if reason in _QUIET or reason == phase else [reason]
    if record.get("attempts", 1) > 1:
        words.append(f"attempt {record['attempts']}")
    if phase == "Succeeded" and record.get("outputs", {}).keys() == {"result"}:
        words.append(str(record["outputs"]["result"]).lower())
    if "retryAt" in record and phase == "Waiting":
        words.append(f"{in_words(from_rfc3339(record['retryAt']) - now)} left")
    if message:
        words.append(" ".join(message.split()))
    return Line(depth, name, phase, took, ": ".join(words))


def _seconds(moment: str | None, otherwise: float) -> float:
    return otherwise if moment is None else from_rfc3339(moment)
