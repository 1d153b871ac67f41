"""Describes a pause: who requested it, since when, what ends it, and the command that resumes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from orchestrator.engine.times import from_rfc3339
from orchestrator.models.base import parse_duration
from orchestrator.operations.desired_state import MANAGER


def describe_pause(execution: Mapping[str, Any], workflow: Mapping[str, Any] | None = None) -> str:
    """`by ana since 14:03, at the latest until 16:00; resume with: …`.

    `workflow` is the spec that the execution runs; without it, the end of the pause is left out.
    """
    metadata = execution["metadata"]
    who, since = _asked_by(metadata)
    words = f"{who}{f' since {clock(since)}' if since else ''}".strip()
    until = timeout_of(execution, workflow)
    if until is not None:
        words += f"{', ' if words else ''}at the latest until {clock(until)}, its timeout"
    namespace = f"-n {metadata['namespace']} " if metadata.get("namespace") else ""
    command = f"orchestrator {namespace}resume {metadata['name']}"
    return f"{words}{'; ' if words else ''}resume with: {command}"


def timeout_of(execution: Mapping[str, Any], workflow: Mapping[str, Any] | None) -> float | None:
    """When the execution times out, in seconds since the epoch; None if it has no timeout."""
    started = (execution.get("status") or {}).get("startedAt")
    timeout = (workflow or {}).get("timeout")
    if not started or not timeout:
        return None
    try:
        return from_rfc3339(started) + parse_duration(timeout)
    except ValueError:
        return None


def _asked_by(metadata: Mapping[str, Any]) -> tuple[str, float | None]:
    """Who last wrote spec.desiredState, or with what client, and when, as the API server recorded
    it."""
    writes = [
        entry
        for entry in metadata.get("managedFields") or ()
        if "f:desiredState" in ((entry.get("fieldsV1") or {}).get("f:spec") or {})
    ]
    if not writes:
        return "", None
    last = max(writes, key=lambda entry: str(entry.get("time") or ""))
    manager = str(last.get("manager") or "")
    who = manager.removeprefix(MANAGER)
    words = f"by {who}" if manager.startswith(MANAGER) else f"with {manager}"
    return words, from_rfc3339(last["time"]) if last.get("time") else None


def clock(seconds: float) -> str:
    """A time today as 14:03, and on another day with its date, in local time."""
    moment = datetime.fromtimestamp(seconds).astimezone()
    today = datetime.now().astimezone().date()
    return f"{moment:%H:%M}" if moment.date() == today else f"{moment:%Y-%m-%d %H:%M}"
