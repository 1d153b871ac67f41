"""Re-runs part of an ended execution: which nodes run, and whose records are reused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from orchestrator.engine.graph import Graph, NodeKind
from orchestrator.engine.lifecycle.admission import Refusal
from orchestrator.engine.status.read import StatusError, read_records
from orchestrator.engine.status.records import Record
from orchestrator.models.execution import ExecutionPhase, NodePhase
from orchestrator.models.nearest import did_you_mean
from orchestrator.models.reasons import Reason


@dataclass(frozen=True, slots=True)
class Source:
    """What a re-run reuses from its source."""

    revision: str
    variables: Mapping[str, Any]
    nodes: Mapping[str, Mapping[str, Any]]


def source_of(spec: Mapping[str, Any], raw: Mapping[str, Any] | None) -> Source | Refusal:
    """The source of a re-run, or why there is none; `raw` is the execution with its name."""
    name = spec["rerunOf"]["name"]
    if raw is None:
        message = f"spec.rerunOf.name: there is no execution {name} (any more)"
        return Refusal(Reason.RERUN_SOURCE_GONE, message)
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
        message = "spec.variables: a re-run uses its source's variables; leave them out"
    else:
        return Source(status["revision"], status.get("variables") or {}, status.get("nodes") or {})
    return Refusal(Reason.INVALID_RERUN, message)


def reused_records(
    graph: Graph, source: Source, start: Iterable[str]
) -> dict[str, Record] | Refusal:
    """The records of all nodes that are not run again."""
    for index, name in enumerate(start):
        if name not in graph.nodes:
            hint = did_you_mean(name, list(graph.nodes))
            message = f"spec.rerunOf.from[{index}]: there is no node {name!r}{hint}"
            return Refusal(Reason.INVALID_RERUN, message)
    try:
        records = read_records(source.nodes, graph)
    except StatusError as error:
        return Refusal(Reason.INVALID_RERUN, f"the source's {error}")
    rerun = _nodes_to_rerun(graph, records, start)
    return {
        name: _reused(record)
        for name, record in records.items()
        if name in graph.nodes and name not in rerun
    }


def _nodes_to_rerun(graph: Graph, records: Mapping[str, Record], start: Iterable[str]) -> set[str]:
    """The nodes to run again: those named, those that did not succeed, all that follow from them,
    and the approvals before them, which were given for another run.

    A sub-workflow with an approval in it runs again completely, so that its approval is requested
    again.
    """
    every_action = graph.spec.workspace is not None
    ended_badly = {
        name
        for name, node in graph.nodes.items()
        if node.final
        or not _ended_well(records.get(name))
        or (every_action and node.kind is NodeKind.ACTION)
    }
    return _with_dependents(graph, ended_badly.union(start))


def _with_dependents(graph: Graph, start: Iterable[str]) -> set[str]:
    """These nodes, their successors, and the successors of every approval before any of them."""
    before, after = _dependencies(graph)
    rerun: set[str] = set()
    upstream: set[str] = set()
    waiting = [(name, True) for name in start]
    while waiting:  # each node once as upstream and once as running again, at most
        name, runs = waiting.pop()
        runs = runs or name in graph.asks_people
        if name in rerun or (name in upstream and not runs):
            continue
        (rerun if runs else upstream).add(name)
        waiting += [(source, False) for source in before[name]]
        if runs:
            waiting += [(target, True) for target in after[name]]
    return rerun


def _dependencies(graph: Graph) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """The direct predecessors and successors of each node: by an edge, or because a `wait.until`
    reads it, which may read nodes without an edge from them."""
    before = {name: {edge.source for edge in node.incoming} for name, node in graph.nodes.items()}
    for name in graph.asking:
        reads = graph.nodes[name].reads
        before[name] |= (set(graph.nodes) if reads is None else reads & set(graph.nodes)) - {name}
    after: dict[str, set[str]] = {name: set() for name in graph.nodes}
    for name, sources in before.items():
        for source in sources:
            after[source].add(name)
    return before, after


def _ended_well(record: Record | None) -> bool:
    if record is None:
        return False
    not_chosen = record.reason == Reason.BRANCH_NOT_CHOSEN
    return record.phase is NodePhase.SUCCEEDED or (record.phase is NodePhase.SKIPPED and not_chosen)


def _reused(record: Record) -> Record:
    if record.phase is NodePhase.SKIPPED:
        return record
    return replace(record, reason=Reason.REUSED, job="", execution="", exit_code=None)
