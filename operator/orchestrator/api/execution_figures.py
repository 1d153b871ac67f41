"""Figures over executions: those on the cluster and those in the history, each once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orchestrator.api import listing
from orchestrator.api.clients import Caller
from orchestrator.api.execution_listing import readable_namespaces, selection_of
from orchestrator.api.history_responses import HistoryUnavailableError
from orchestrator.engine.lifecycle.retention import ended_at
from orchestrator.engine.times import optional_from_rfc3339
from orchestrator.kube.projection import without_managed_fields
from orchestrator.kube.resources import EXECUTIONS
from orchestrator.operations.executions import has_ended
from orchestrator.operations.overview import Past, PastRuns
from orchestrator.session.cluster import Raw
from orchestrator.session.execution_filter import ExecutionFilter

if TYPE_CHECKING:  # without a history, SQLAlchemy need not be installed
    from orchestrator.api.history_reader import HistoryReader
    from orchestrator.history.sums_with_live import Group, NodeGroup, Sums


_TIMED = ("phase", "reason", "startedAt", "finishedAt")
"""What figures read of the record of a node, besides the decision of an approval."""


@dataclass(frozen=True, slots=True)
class Period:
    """Which executions a figure is about: those that are active, and those that ended since."""

    chosen: ExecutionFilter = field(default_factory=ExecutionFilter)
    """By Workflow and phase."""
    since: float | None = None
    """Seconds since the epoch; None for all."""

    def has(self, execution: Raw) -> bool:
        """Whether an execution that the cluster has is one of them."""
        if not self.chosen.selects(execution):
            return False
        if self.since is None or not has_ended(execution):
            return True
        ended = ended_at(execution.get("status") or {})
        return ended is not None and round(ended * 1000) >= round(self.since * 1000)


@dataclass(frozen=True, slots=True)
class Counted:
    """The executions of a period."""

    executions: list[Raw]
    """Those on the cluster that are not among the sums."""
    sums: Sums | None = None
    """Of the history; None without one."""
    refused: Sequence[str] = ()
    """Of the named namespaces, those in which the caller may not list."""
    unavailable: str = ""
    """Why the history is left out."""
    past: Past | None = field(default=None)
    """The sums, for the figures of an overview."""


def count_executions(
    caller: Caller, namespaces: Sequence[str], period: Period, latest: int = 0
) -> Counted:
    """The executions of a period that the caller may list, each once; `latest` as for the sums.

    Raises ProblemError and UsageError.
    """
    query = {"fieldSelector": ",".join(period.chosen.selectors())}
    items, refused = listing.read(caller, EXECUTIONS, namespaces, query, _measured)
    reason = ""
    if (history := caller.clients.history) is not None:
        # After the objects: what was deleted since is recorded, and nothing is missing.
        try:
            readable = readable_namespaces(caller, namespaces, refused)
            executions, sums = without_recorded(history, readable, period, items, latest)
            return Counted(executions, sums, refused, past=past_of(sums))
        except HistoryUnavailableError as error:
            reason = str(error)
    return Counted([raw for raw in items if period.has(raw)], None, refused, reason)


def without_recorded(
    history: HistoryReader,
    namespaces: frozenset[str] | None,
    period: Period,
    items: Sequence[Raw],
    latest: int = 0,
) -> tuple[list[Raw], Sums]:
    """Of the objects on the cluster, those of a period that are not recorded, and the sums of those
    that are. Raises HistoryUnavailableError."""
    restored = history.restored(items)
    live = [raw for raw in items if raw["metadata"]["uid"] not in restored]
    durations = {
        raw["metadata"]["uid"]: _duration(raw) if period.has(raw) else None for raw in live
    }
    since = None if period.since is None else round(period.since * 1000)
    selection = selection_of(period.chosen, namespaces, since)
    sums = history.sums(selection, durations, latest)
    executions = [
        raw for raw in live if raw["metadata"]["uid"] not in sums.recorded and period.has(raw)
    ]
    return executions, sums


def past_of(sums: Sums) -> Past:
    """The sums of the history for the figures of an overview."""
    groups: dict[tuple[str, str], list[Group]] = defaultdict(list)
    for group in sums.groups:
        groups[group.namespace, group.workflow].append(group)
    asked: dict[tuple[str, str], list[NodeGroup]] = defaultdict(list)
    for node in sums.nodes:
        if node.approval:
            asked[node.namespace, node.workflow].append(node)
    return Past(
        _runs(sums.groups, [one for each in asked.values() for one in each], sums.percentiles),
        {key: _runs(each, asked.get(key, ())) for key, each in groups.items()},
        _nodes(node for node in sums.nodes if not node.approval),
    )


def _runs(
    groups: Sequence[Group],
    asked: Sequence[NodeGroup],
    percentiles: Mapping[int, float] | None = None,
) -> PastRuns:
    phases: dict[str, int] = defaultdict(int)
    for group in groups:
        phases[group.phase] += group.runs
    return PastRuns(
        phases,
        sum(group.forbidden for group in groups),
        sum(group.started for group in groups),
        sum(group.duration for group in groups) / 1000,
        sum(node.runs for node in asked),
        sum(node.duration for node in asked) / 1000,
        percentiles,
    )


def _nodes(nodes: Iterable[NodeGroup]) -> dict[tuple[str, str, str], tuple[int, float]]:
    return {
        (node.namespace, node.workflow, node.node): (node.runs, node.duration / 1000)
        for node in nodes
    }


def _measured(execution: Raw) -> Raw:
    """An execution without what no figure is about: outputs and messages of nodes can be a megabyte
    of it."""
    status = dict(execution.get("status") or {})
    status.pop("outputs", None)
    if status.get("nodes"):
        status["nodes"] = {name: _timed(record) for name, record in status["nodes"].items()}
    return {**without_managed_fields(execution), "status": status}


def _timed(record: Raw) -> Raw:
    kept = {field: record[field] for field in _TIMED if field in record}
    if "decision" in (record.get("outputs") or {}):
        kept["outputs"] = {"decision": record["outputs"]["decision"]}
    return kept


def _duration(execution: Raw) -> int | None:
    """Milliseconds from start to end; None without both."""
    status = execution.get("status") or {}
    ended = ended_at(status)
    try:
        started = optional_from_rfc3339(status.get("startedAt"))
    except ValueError:  # a status that was written by someone else
        return None
    if ended is None or started is None:
        return None
    return max(0, round(ended * 1000) - round(started * 1000))
