"""Logs of the history, for pods that are gone or whose logs are."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from orchestrator.api.history_responses import HistoryUnavailableError
from orchestrator.api.rights import Rights
from orchestrator.history.logs.kept_log import KeptLog, Outcome
from orchestrator.kube.resources import PODS
from orchestrator.session.cluster import Cluster, Raw
from orchestrator.session.log_follow import Reading
from orchestrator.session.log_merge import Line, Log, read_line
from orchestrator.session.node_logs import Choice, prefix

if TYPE_CHECKING:  # without a history, SQLAlchemy need not be installed
    from orchestrator.api.history_reader import HistoryReader


@dataclass(frozen=True)
class KeptLogs:
    """What the history has of the selected logs of an execution."""

    gone: Sequence[Log] = ()
    """Those whose pods are gone."""
    instead: dict[str, Log] = field(default_factory=dict)
    """Those of pods that are there, by the uid of the pod."""
    attempts: frozenset[tuple[str, int]] = frozenset()
    """Nodes and attempts that have a kept log, selected or not."""
    problem: str = ""
    """Why kept logs cannot be read; empty if they can."""


def kept_logs(
    history: HistoryReader | None,
    rights: Rights,
    cluster: Cluster,
    execution: Raw,
    pods: Sequence[Raw],
    choice: Choice,
    now: float,
) -> KeptLogs:
    """The kept logs of an execution, whose pods are given.

    Raises ForbiddenError if the caller may not read the logs of pods in the namespace.
    """
    if history is None:
        return KeptLogs()
    rights.require(cluster, "get", PODS, "log")
    uid, records = execution["metadata"]["uid"], (execution.get("status") or {}).get("nodes") or {}
    try:
        found = history.logs(uid, cluster.namespace, choice.node)
    except HistoryUnavailableError as error:
        return KeptLogs(problem=str(error))
    there = {pod["metadata"]["uid"] for pod in pods}
    gone, instead = [], {}
    for kept in found:
        log = Log(
            kept.identity.created_at / 1000,
            partial(_lines, history, kept, choice.reading, now),
        )
        if kept.identity.pod_uid in there:
            instead[kept.identity.pod_uid] = log
        elif _is_chosen(kept, records, choice):
            gone.append(log)
    attempts = frozenset((kept.identity.node, kept.identity.attempt) for kept in found)
    return KeptLogs(gone, instead, attempts)


def _is_chosen(kept: KeptLog, records: Raw, choice: Choice) -> bool:
    whose = kept.identity
    return choice.takes_log(
        whose.node, whose.attempt, whose.item, records, failed=kept.state.failed
    )


def _lines(history: HistoryReader, kept: KeptLog, reading: Reading, now: float) -> Iterator[Line]:
    """The lines as they would be read from the pod, and a line for what is not kept."""
    whose = kept.identity
    before = prefix(whose.node, whose.attempt, whose.item)
    at = whose.created_at / 1000
    try:
        for line in _chosen(_read(history, kept, reading), reading, now):
            at = line.at
            yield Line(at, f"{before} | {line.text}")
    except HistoryUnavailableError as error:
        yield Line(at, f"{before} | (the kept log cannot be read further: {error})")
        return
    if kept.state.outcome is not Outcome.COMPLETE:
        why = kept.state.reason or "the rest is not kept yet"
        yield Line(at, f"{before} | (the kept log ends here: {why})")


def _read(history: HistoryReader, kept: KeptLog, reading: Reading) -> Iterator[Line]:
    at, expected, omitted = kept.identity.created_at / 1000, 0, kept.state.omitted
    for chunk in history.log_chunks(kept.identity.pod_uid):
        if chunk.number != expected:
            words = f"({omitted.lines:,} lines, {omitted.size:,} bytes, are not kept)"
            yield Line(at, words)
        expected = chunk.number + 1
        text = history.log_text(kept.identity, chunk.number)
        if text is None:
            yield Line(at, f"({chunk.lines:,} lines, {chunk.size:,} bytes, cannot be read)")
            continue
        for raw in text.split(b"\n")[:-1]:
            line = read_line(raw.decode(errors="replace"), at, timestamps=reading.timestamps)
            at = line.at
            yield line


def _chosen(lines: Iterable[Line], reading: Reading, now: float) -> Iterable[Line]:
    if reading.since is not None:
        begin = now - reading.since
        lines = (line for line in lines if line.at >= begin)
    return lines if reading.tail is None else deque(lines, maxlen=reading.tail)
