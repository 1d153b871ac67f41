"""Runs a part of an ended execution again: what is run, and what is taken over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from orchestrator.engine import reasons
from orchestrator.engine.admission import Refusal
from orchestrator.engine.graph import Graph, NodeKind
from orchestrator.engine.reading import StatusError, read_records
from orchestrator.engine.records import Record
from orchestrator.expressions.errors import did_you_mean
from orchestrator.models.execution import ExecutionPhase, NodePhase


@dataclass(frozen=True, slots=True)
class Source:
    """What a re-run takes of its source."""

    revision: str
    variables: Mapping[str, Any]
    nodes: Mapping[str, Mapping[str, Any]]


def source_of(spec: Mapping[str, Any], raw: Mapping[str, Any] | None) -> Source | Refusal:
    """The source of a re-run, or why there is none; `raw` is the execution of its name."""
    name = spec["rerunOf"]["name"]
    if raw is None:
        message = f"spec.rerunOf.name: there is no execution {name} (any more)"
        return Refusal(reasons.RERUN_SOURCE_GONE, message)
    status = raw.get("status") or {}
    phase = status.get("phase") or ExecutionPhase.PENDING.value
    other = raw["spec"]["workflow"]
    if other != spec["workflow"]:
        message = f"spec.rerunOf.name: {name} is a run of {other}, not of {spec['workflow']}"
    elif not ExecutionPhase(phase).terminal:
        message = f"spec.rerunOf.name: {name} is {phase}; only an ended execution runs again"
    elif not status.get("revision"):
        message = f"spec.rerunOf.name: {name} ended before it ran anything; start a new execution"
    elif spec.get("variables"):
        message = "spec.variables: a re-run takes its source's variables; leave them out"
    else:
        return Source(status["revision"], status.get("variables") or {}, status.get("nodes") or {})
    return Refusal(reasons.INVALID_RERUN, message)


def take_over(graph: Graph, source: Source, start: Iterable[str]) -> dict[str, Record] | Refusal:
    """The records that stand from the beginning: of all nodes that do not run again."""
    for index, name in enumerate(start):
        if name not in graph.nodes:
            hint = did_you_mean(name, list(graph.nodes))
            message = f"spec.rerunOf.from[{index}]: there is no node {name!r}{hint}"
            return Refusal(reasons.INVALID_RERUN, message)
    try:
        records = read_records(source.nodes, graph)
    except StatusError as error:
        return Refusal(reasons.INVALID_RERUN, f"the source's {error}")
    again = _again(graph, records, start)
    return {
        name: _taken(record)
        for name, record in records.items()
        if name in graph.nodes and name not in again
    }


def _again(graph: Graph, records: Mapping[str, Record], start: Iterable[str]) -> set[str]:
    """What runs again: these nodes, what did not end well, all that follows from them, and the
    approvals before them, since they were given for another run."""
    every_action = graph.spec.workspace is not None
    again = {
        name
        for name, node in graph.nodes.items()
        if node.final
        or not _ended_well(records.get(name))
        or (every_action and node.kind is NodeKind.ACTION)
    }
    again |= set(start)
    while True:
        wider = again | _reached(graph, again, forward=True)
        wider |= {
            name
            for name in _reached(graph, wider, forward=False)
            if graph.nodes[name].kind is NodeKind.APPROVAL
        }
        if wider == again:
            return again
        again = wider


def _reached(graph: Graph, names: Iterable[str], *, forward: bool) -> set[str]:
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        node = graph.nodes[waiting.pop()]
        following = (
            [edge.target for edge in node.outgoing]
            if forward
            else [edge.source for edge in node.incoming]
        )
        for name in following:
            if name not in found:
                found.add(name)
                waiting.append(name)
    return found


def _ended_well(record: Record | None) -> bool:
    if record is None:
        return False
    not_chosen = record.reason == reasons.BRANCH_NOT_CHOSEN
    return record.phase is NodePhase.SUCCEEDED or (record.phase is NodePhase.SKIPPED and not_chosen)


def _taken(record: Record) -> Record:
    if record.phase is NodePhase.SKIPPED:
        return record
    return replace(record, reason=reasons.REUSED, job="", execution="", exit_code=None)
