"""Changes of an execution as plain lines; all times are from its status."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from orchestrator.cli.tree import EXIT_CODES, line_of
from orchestrator.engine.times import from_rfc3339, in_words


def transitions(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> list[str]:
    """A line for each node that changed between two states: time, node, phase, duration,
    message."""
    status = after.get("status") or {}
    records = status.get("nodes") or {}
    old = ((before or {}).get("status") or {}).get("nodes") or {}
    latest = _latest(status)
    began = _seconds(status.get("startedAt"), latest)
    changed = []
    for name, record in records.items():
        was = old.get(name) or {}
        if all(was.get(key) == record.get(key) for key in ("phase", "message", "attempts")):
            continue
        since = _seconds(record.get("finishedAt") or _attempt_start(record), latest) - began
        line = line_of(0, name, record, latest)
        took = line.took if "finishedAt" in record else ""
        said = f"{in_words(since):>6}  {name:<16} {line.phase:<9} {took:<6} {line.words}"
        changed.append((since, said.rstrip()))
    return [said for _, said in sorted(changed, key=lambda pair: pair[0])]


def ending(execution: Mapping[str, Any]) -> str | None:
    """The final sentence, or None while the execution continues."""
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


def _attempt_start(record: Mapping[str, Any]) -> str | None:
    return record.get("attemptStartedAt") or record.get("startedAt")


def _latest(status: Mapping[str, Any]) -> float:
    """The latest time in a status: the earliest possible time of a change that has no time of its
    own."""
    moments = [status.get("startedAt"), status.get("finishedAt")]
    for record in (status.get("nodes") or {}).values():
        moments += [record.get("startedAt"), record.get("finishedAt"), _attempt_start(record)]
    return max((from_rfc3339(moment) for moment in moments if moment), default=0.0)


def _seconds(moment: str | None, otherwise: float) -> float:
    return otherwise if moment is None else from_rfc3339(moment)
