"""Reads a status that others may have edited: inconsistent values are reported, never acted on.

The API server checks types by the schema and, if the policies are in place, that only the operator
writes. Without them, any user who may write a status may write nonsense into it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from orchestrator.engine.graph import Graph, GraphNode
from orchestrator.engine.status.record_codec import FieldError, keys_of, record_from_status
from orchestrator.engine.status.records import Record
from orchestrator.engine.times import from_rfc3339

MAX_ATTEMPTS = 1_000_000
"""Attempts and iterations beyond all limits."""
MAX_ITEMS = 10_000
MAX_TIME = 253_000_000_000.0
"""Latest time that can be written, in seconds since the epoch (about the year 9987)."""

_TIMES = keys_of(float | None)
_COUNTS = keys_of(int)


class StatusError(ValueError):
    """A status that the operator cannot have written; the message contains the path."""


def read_records(raw: Mapping[str, Any], graph: Graph) -> dict[str, Record]:
    """The records of `status.nodes`; StatusError for the first inconsistent one."""
    return {name: _record(name, record, graph) for name, record in raw.items()}


def read_time(text: Any, path: str) -> float:
    """A time in a status, in seconds since the epoch; StatusError if it is not one."""
    try:
        seconds = from_rfc3339(text)
    except (TypeError, ValueError) as error:
        raise StatusError(f"{path}: {text!r} is not a time") from error
    if not _is_time(seconds):
        raise StatusError(f"{path}: {text} is out of range")
    return seconds


def _record(name: str, raw: Any, graph: Graph) -> Record:
    path = f"status.nodes.{name}"
    node = graph.nodes.get(name)
    if node is None:
        raise StatusError(f"{path}: the workflow has no node {name!r}")
    if not isinstance(raw, Mapping):
        raise StatusError(f"{path}: {raw!r} is not a record")
    try:
        record = record_from_status(raw)
    except FieldError as error:
        what = "phase" if error.key == "phase" else "time"
        raise StatusError(f"{path}.{error.key}: {error.value!r} is not a {what}") from error
    except TypeError as error:
        raise StatusError(f"{path}: cannot be read: {error}") from error
    if (problem := next(_problems(node, record, raw), None)) is not None:
        raise StatusError(f"{path}{problem}")
    return record


def _problems(node: GraphNode, record: Record, raw: Mapping[str, Any]) -> Iterator[str]:
    yield from _out_of_bounds(record, raw)
    if record.iteration_attempts > record.attempts:
        yield ".iterationAttempts: more than attempts"
    if record.items is not None and not 0 <= record.items <= MAX_ITEMS:
        yield f".items: {record.items} is not a possible number of items"
    if record.items is not None and node.spec.for_each is None:
        yield ".items: the node is not a fan-out"
    for key, ranges in (("completed", record.completed), ("failed", record.failed)):
        if ranges and not _within(ranges, record.items):
            yield f".{key}: {ranges[:64]!r} are not items of this fan-out"
    if record.phase.terminal:
        return
    if node.kind.instant:
        yield f".phase: a {node.kind.value} is never {record.phase.value}"
    if node.kind.attempts and record.attempts < 1:
        yield f".attempts: a node that is {record.phase.value} has begun one"


def _out_of_bounds(record: Record, raw: Mapping[str, Any]) -> Iterator[str]:
    for name, key in _TIMES.items():
        moment = getattr(record, name)
        if moment is not None and not _is_time(moment):
            yield f".{key}: {raw[key]} is out of range"
    for name, key in _COUNTS.items():
        if not 0 <= getattr(record, name) <= MAX_ATTEMPTS:
            yield f".{key}: {raw[key]} is out of range"


def _is_time(seconds: float) -> bool:
    return 0 <= seconds < MAX_TIME


def _within(ranges: str, items: int | None) -> bool:
    """Whether these are ranges such as `0-3,7` below the number of items; builds no sets."""
    most = MAX_ITEMS if items is None else items
    for part in ranges.split(","):
        first, dash, last = part.partition("-")
        if not (_digits(first) and (_digits(last) if dash else True)):
            return False
        if not int(first) <= int(last or first) < most:
            return False
    return True


def _digits(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= len(str(MAX_ITEMS))
