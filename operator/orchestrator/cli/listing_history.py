"""Lists of executions: those of the cluster and, through the REST API, those of the history."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import replace

from orchestrator.cli.clusters import history_of
from orchestrator.cli.connection import Cluster, Raw
from orchestrator.cli.history import MAX_PAGE, Parameters
from orchestrator.cli.listing import Query, list_kind
from orchestrator.cli.terminal import say
from orchestrator.kube.resources import EXECUTIONS
from orchestrator.session.execution_filter import ExecutionFilter

MAX_RECORDS = MAX_PAGE
"""Executions of the history that a list shows without a limit of its own."""
_REQUIREMENT = re.compile(r"([A-Za-z.]+)(!=|==?)([^,=!\\]*)")


def list_with_history(
    cluster: Cluster,
    query: Query,
    chosen: ExecutionFilter = ExecutionFilter(),  # noqa: B008 - it is immutable
    since: str | None = None,
    fields: str | None = None,
) -> list[Raw]:
    """The selected executions; of the history without their nodes, and only the newest of many,
    which standard error reports.

    `chosen`, `since` and `fields` are what the query of the API server was made of.
    """
    history = history_of(cluster)
    if history is None:
        return list_kind(cluster, EXECUTIONS, query)[0]
    # After the objects: what was deleted since is recorded, and nothing is missing.
    items, _ = list_kind(cluster, EXECUTIONS, replace(query, limit=None))
    selects = _selects(fields or "")
    if selects is None:
        say("the history is left out: it has no such --field-selector", file=sys.stderr)
        return query.select(items)
    whole = bool(fields or query.sort_by)
    limit = max(query.limit or 0, MAX_RECORDS if whole or query.limit is None else 0)
    found = history.executions(_parameters(cluster, query, chosen, since), limit)
    if found.unavailable:
        say(f"the history is left out: {found.unavailable}", file=sys.stderr)
    elif found.total > len(found.items) and (whole or query.limit is None):
        say(
            f"of the history, the newest {len(found.items)} of {found.total} executions are read;"
            " `orchestrator list` with --since, --limit or a Workflow selects others",
            file=sys.stderr,
        )
    there = {item["metadata"]["uid"] for item in items}
    items += [
        record
        for record in found.items
        if selects(record) and record["metadata"]["uid"] not in there
    ]
    return query.select(sorted(items, key=_name))


def _parameters(
    cluster: Cluster, query: Query, chosen: ExecutionFilter, since: str | None
) -> Parameters:
    asked = {"workflow": chosen.workflow, "since": since, "label": query.labels}
    return [
        *([] if query.every else [("namespace", cluster.namespace)]),
        *(("phase", phase) for phase in sorted(chosen.phases)),
        *((name, text) for name, text in asked.items() if text),
    ]


def _selects(fields: str) -> Callable[[Raw], bool] | None:
    """Whether a field selector, which the API server has accepted, selects a record; None for one
    with escapes."""
    wanted = [_REQUIREMENT.fullmatch(part.strip()) for part in fields.split(",") if part.strip()]
    found = [match.groups() for match in wanted if match is not None]
    if len(found) < len(wanted):
        return None

    def selects(record: Raw) -> bool:
        return all((_value(record, path) == text) is (is_ != "!=") for path, is_, text in found)

    return selects


def _value(record: Raw, path: str) -> str:
    value: object = record
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return "" if value is None else str(value)


def _name(item: Raw) -> tuple[str, str, str]:
    metadata = item["metadata"]
    return metadata["namespace"], metadata["name"], metadata.get("creationTimestamp") or ""
