"""Lists of executions: those on the cluster and those in the history, as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestrator.api import listing
from orchestrator.api.clients import Caller
from orchestrator.api.history_responses import HistoryUnavailableError, from_history, left_out
from orchestrator.engine.times import optional_from_rfc3339
from orchestrator.history.entry import object_of
from orchestrator.history.keys import Key, time_key
from orchestrator.kube.projection import without_managed_fields
from orchestrator.kube.resources import EXECUTIONS
from orchestrator.operations.executions import phase_of
from orchestrator.session.cluster import Raw
from orchestrator.session.errors import ForbiddenError
from orchestrator.session.execution_filter import ExecutionFilter

if TYPE_CHECKING:  # without a history, SQLAlchemy need not be installed
    from orchestrator.history.listing import ListQuery
    from orchestrator.history.selection import Selection


def _time(text: Any) -> str:
    try:
        seconds = optional_from_rfc3339(text)
    except (TypeError, ValueError):  # a status that was written by someone else
        seconds = None
    return time_key(None if seconds is None else round(seconds * 1000))


SORTS: Mapping[str, listing.SortKey] = {
    **listing.SORTS,
    "created": lambda raw: _time(raw["metadata"].get("creationTimestamp")),
    "phase": phase_of,
    "started": lambda raw: _time((raw.get("status") or {}).get("startedAt")),
    "finished": lambda raw: _time((raw.get("status") or {}).get("finishedAt")),
    "workflow": lambda raw: str(raw["spec"]["workflow"]),
}
TIMES = ("created", "started", "finished")


@dataclass(frozen=True, slots=True)
class ExecutionList:
    """Which page of which executions a request asks for."""

    chosen: ExecutionFilter
    namespaces: Sequence[str]
    """All if empty."""
    labels: str
    sort: str
    limit: int
    page: str
    recorded_only: bool = False
    """Without the objects of the cluster."""


def page_of_executions(caller: Caller, asked: ExecutionList) -> dict[str, Any]:
    """A page, without the nodes of executions. Raises ProblemError and UsageError."""
    order, after = listing.order_of(SORTS, asked.sort), listing.place_of(asked.page)
    if after is not None and order.field in TIMES and not _is_time(after.value):
        raise listing.no_page()
    query = {
        "labelSelector": asked.labels,
        "fieldSelector": ",".join(asked.chosen.selectors()),
    }
    items, refused = listing.read(caller, EXECUTIONS, asked.namespaces, query, brief)
    more, reason = listing.More(), ""
    if caller.clients.history is not None:
        # After the objects: what was deleted since is recorded, and nothing is missing.
        try:
            more = _recorded(caller, asked, order, after, items, refused)
        except HistoryUnavailableError as error:
            reason = str(error)
    kept = [] if asked.recorded_only else [raw for raw in items if asked.chosen.selects(raw)]
    answer = listing.page_after(kept, refused, order, asked.limit, after, brief, more)
    return answer | left_out(reason)


def readable_namespaces(
    caller: Caller, namespaces: Sequence[str], refused: Sequence[str]
) -> frozenset[str] | None:
    """The namespaces whose recorded executions the caller may list, after they have listed the
    objects in all that were not refused; None for all. Raises HistoryUnavailableError if they may
    list none."""
    named = [name for name in dict.fromkeys(namespaces) if name not in refused]
    allowed = frozenset(name for name in (named or [""]) if _may_list(caller, name))
    if not allowed:
        raise HistoryUnavailableError("you may not list workflowexecutions")
    return allowed if named else None


def live_uids(
    caller: Caller, items: Sequence[Raw], namespaces: Sequence[str], refused: Sequence[str]
) -> set[str]:
    """The uids of all executions on the cluster, whatever labels they have now: the cluster's state
    counts, not the recorded one."""
    uids = {raw["metadata"]["uid"] for raw in items}
    named = [name for name in dict.fromkeys(namespaces) if name not in refused]
    clusters = [caller.cluster(name) for name in named] or [caller.cluster()]
    for cluster in clusters:
        found = cluster.metadata(EXECUTIONS, every=not named)
        uids.update(metadata["uid"] for metadata in found)
    return uids


def _recorded(
    caller: Caller,
    asked: ExecutionList,
    order: listing.Order,
    after: Key | None,
    items: Sequence[Raw],
    refused: Sequence[str],
) -> listing.More:
    history = caller.clients.history
    assert history is not None
    namespaces = readable_namespaces(caller, asked.namespaces, refused)
    without = {raw["metadata"]["uid"] for raw in items}
    if asked.labels:
        without = live_uids(caller, items, asked.namespaces, refused)
    without.update(history.restored(items).values())
    page = history.page(_query(asked, order, after, namespaces), without)
    # One document at a time: their nodes, which are left out, may be a megabyte each.
    rows = [(key, brief(from_history(object_of(body)))) for key, body in page.rows]
    return listing.More(rows, page.total)


def _query(
    asked: ExecutionList,
    order: listing.Order,
    after: Key | None,
    namespaces: frozenset[str] | None,
) -> ListQuery:
    from orchestrator.history.label_selector import requirements_of
    from orchestrator.history.listing import ListQuery

    oldest = asked.chosen.oldest
    try:
        labels = requirements_of(asked.labels)
    except ValueError as error:
        raise HistoryUnavailableError(str(error)) from error
    return ListQuery(
        selection_of(asked.chosen, namespaces),
        order.field,
        order.descending,
        asked.limit + 1,
        after,
        None if oldest is None else round(oldest * 1000),
        labels,
    )


def selection_of(
    chosen: ExecutionFilter, namespaces: frozenset[str] | None, since: int | None = None
) -> Selection:
    """The workflow and the phases of a filter, in some namespaces, and ended since a time in
    milliseconds; None for all."""
    from orchestrator.history.selection import Selection

    return Selection(namespaces, chosen.workflow or None, chosen.phases or None, since=since)


def _may_list(caller: Caller, namespace: str) -> bool:
    try:
        return caller.clients.rights.allows(caller.cluster(namespace), "list", EXECUTIONS)
    except ForbiddenError:  # not even to ask for rights
        return False


def brief(raw: Raw) -> Raw:
    """An execution without the records of its nodes."""
    status = {key: value for key, value in (raw.get("status") or {}).items() if key != "nodes"}
    return {**without_managed_fields(raw), "status": status}


def _is_time(text: str) -> bool:
    return not text or (len(text) == len(time_key(0)) and text.isascii() and text.isdecimal())
