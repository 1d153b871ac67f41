"""An execution as a tree of its nodes: pure, so that it looks the same wherever it is shown."""

from __future__ import annotations

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
    "Running": "●",
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
_QUIET = ("JobCreated", "Starting", "Completed", "")


@dataclass(frozen=True)
class Line:
    """One node: how deep it stands, where it stands, and what there is to say."""

    depth: int
    name: str
    phase: str
    took: str
    words: str

    @property
    def symbol(self) -> str:
        """One character for the phase."""
        return SYMBOLS.get(self.phase, "?")

    @property
    def style(self) -> str:
        """The colour of the phase."""
        return STYLES.get(self.phase, "")


def order(graph: Mapping[str, Any]) -> list[tuple[int, str]]:
    """The nodes with their depth, as a reader follows the edges; every node once."""
    nodes = [node["name"] for node in graph.get("nodes") or []]
    following: dict[str, list[str]] = {name: [] for name in nodes}
    sources: dict[str, int] = dict.fromkeys(nodes, 0)
    for edge in graph.get("edges") or []:
        following[edge["from"]].append(edge["to"])
        sources[edge["to"]] += 1
    depths: dict[str, int] = {}
    ready = [(0, name) for name in nodes if sources[name] == 0]
    result: list[tuple[int, str]] = []
    while ready:
        depth, name = ready.pop(0)
        result.append((depth, name))
        inserted = 0
        for target in following[name]:
            depths[target] = max(depths.get(target, 0), depth + 1)
            sources[target] -= 1
            if sources[target] == 0:
                ready.insert(inserted, (depths[target], target))
                inserted += 1
    seen = {name for _, name in result}
    return [*result, *((0, name) for name in nodes if name not in seen)]


def lines(nodes: Sequence[tuple[int, str]], execution: Mapping[str, Any], now: float) -> list[Line]:
    """The tree's lines at this moment (seconds since the epoch)."""
    records = (execution.get("status") or {}).get("nodes") or {}
    return [_line(depth, name, records.get(name) or {}, now) for depth, name in nodes]


def transitions(
    before: Mapping[str, Any] | None, after: Mapping[str, Any], now: float
) -> list[str]:
    """What changed between two looks, a plain line each."""
    old = ((before or {}).get("status") or {}).get("nodes") or {}
    new = (after.get("status") or {}).get("nodes") or {}
    changed = []
    for name, record in new.items():
        was = old.get(name) or {}
        if (was.get("phase"), was.get("message")) == (record["phase"], record.get("message")):
            continue
        line = _line(0, name, record, now)
        said = "  ".join(part for part in (name, line.phase, line.took, line.words) if part)
        changed.append(said)
    return changed


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
        f"\n  {key} = {value}" for key, value in (status.get("outputs") or {}).items()
    )
    return f"{phase}{took}{f': {message}' if message else ''}{outputs}"


def _line(depth: int, name: str, record: Mapping[str, Any], now: float) -> Line:
    phase = record.get("phase", "")
    took = ""
    if "startedAt" in record:
        until = from_rfc3339(record["finishedAt"]) if "finishedAt" in record else now
        took = in_words(until - from_rfc3339(record["startedAt"]))
    reason, message = record.get("reason", ""), record.get("message", "")
    words = [] if reason in _QUIET or reason == phase else [reason]
    if record.get("attempts", 1) > 1:
        words.append(f"attempt {record['attempts']}")
    if phase == "Succeeded" and record.get("outputs", {}).keys() == {"result"}:
        words.append(str(record["outputs"]["result"]).lower())
    if message:
        words.append(message.replace("\n", " "))
    return Line(depth, name, phase, took, ": ".join(words))
