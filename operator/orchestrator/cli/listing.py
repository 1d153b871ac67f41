"""Lists objects of a kind: selects, sorts, prints, and watches them with `--watch`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.cli.connection import Cluster, Raw
from orchestrator.cli.printing import Format, list_of, now
from orchestrator.cli.tables import Table, rows
from orchestrator.cli.terminal import say
from orchestrator.kube.resources import Resource
from orchestrator.session.errors import ExpiredError, UnreachableError, UsageError

OUTAGE_SECONDS = 60.0
"""Seconds for which an API server that stopped answering is asked again."""
Keep = Callable[[Raw], bool]


@dataclass(frozen=True)
class Query:
    """Which objects of a kind to list, and in which order."""

    every: bool = False
    """In all namespaces."""
    labels: str | None = None
    fields: str | None = None
    sort_by: str | None = None
    newest_first: bool = False
    limit: int | None = None
    keep: Keep | None = None
    """Filters that the API server cannot apply."""

    def parameters(self) -> dict[str, str]:
        """The query parameters of the list."""
        asked = {"labelSelector": self.labels, "fieldSelector": self.fields}
        return {key: value for key, value in asked.items() if value}

    def select(self, items: Sequence[Raw]) -> list[Raw]:
        """The selected objects, sorted. Raises UsageError."""
        chosen = [item for item in items if self.keep is None or self.keep(item)]
        if self.newest_first:
            chosen.sort(key=_created, reverse=True)
        if self.sort_by is not None:
            chosen = _sorted(chosen, self.sort_by)
        return chosen if self.limit is None else chosen[: self.limit]


def list_kind(cluster: Cluster, kind: Resource, query: Query) -> tuple[list[Raw], str]:
    """The selected objects, and the resourceVersion of the list."""
    listed = cluster.list(kind, every=query.every, query=query.parameters())
    items = listed["items"]
    for item in items:
        item.setdefault("kind", kind.kind)
    return query.select(items), str((listed.get("metadata") or {}).get("resourceVersion", ""))


def print_items(
    cluster: Cluster, kind: Resource, items: Sequence[Raw], query: Query, wanted: Format
) -> Table | None:
    """Print what was listed; returns the table if rows were printed."""
    if not wanted.table:
        wanted.show(list_of(items))
        return None
    if not items:
        everywhere = query.every or not kind.namespaced
        where = "" if everywhere else f" in namespace {cluster.namespace}"
        narrowed = query.parameters() or query.keep is not None
        say(f"there are no {kind.plural}{where}{' that match' if narrowed else ''}")
        return None
    header, cells = _rows(kind, items, query, wanted)
    table = Table(header, cells)
    table.show(cells)
    return table


def watch_items(cluster: Cluster, kind: Resource, query: Query, wanted: Format) -> int:
    """Print the current objects, and then every change, until the user interrupts it."""
    items, version = list_kind(cluster, kind, query)
    watch = _Watch(kind, query, wanted)
    watch.begin(items)
    answered = time.monotonic()
    while True:
        try:
            events = cluster.events(kind, version, every=query.every, query=query.parameters())
            for happened, raw in events:
                answered = time.monotonic()
                version = raw["metadata"].get("resourceVersion", version)
                if happened != "BOOKMARK":
                    watch.show(raw)
        except ExpiredError:
            items, version = list_kind(cluster, kind, query)
            for item in items:
                watch.show(item)
        except UnreachableError as error:
            if time.monotonic() - answered > OUTAGE_SECONDS:
                raise
            say(f"{error}; trying again", file=sys.stderr)
            time.sleep(1)


class _Watch:
    """Remembers what was printed, so that each version of an object is printed once."""

    def __init__(self, kind: Resource, query: Query, wanted: Format) -> None:
        self._kind = kind
        self._query = query
        self._wanted = wanted
        self._table: Table | None = None
        self._printed: dict[tuple[str, str], str] = {}

    def begin(self, items: Sequence[Raw]) -> None:
        """Print the initial objects."""
        for item in items:
            self._printed[_key(item)] = item["metadata"].get("resourceVersion", "")
        if not self._wanted.table:
            for item in items:
                self._wanted.show(item, alone=False)
        elif items:
            self._print_rows(items)

    def show(self, raw: Raw) -> None:
        """Print an object that changed."""
        raw.setdefault("kind", self._kind.kind)
        version = raw["metadata"].get("resourceVersion", "")
        if self._printed.get(_key(raw)) == version:
            return
        if self._query.keep is not None and not self._query.keep(raw):
            return
        self._printed[_key(raw)] = version
        if self._wanted.table:
            self._print_rows([raw])
        else:
            self._wanted.show(raw, alone=False)

    def _print_rows(self, items: Sequence[Raw]) -> None:
        header, cells = _rows(self._kind, items, self._query, self._wanted)
        first = self._table is None
        self._table = self._table or Table(header, cells)
        self._table.show(cells, header=first)


def _rows(
    kind: Resource, items: Sequence[Raw], query: Query, wanted: Format
) -> tuple[list[str], list[list[str]]]:
    every = query.every and kind.namespaced
    return rows(kind.kind, items, wide=wanted.wide, every=every, now=now())


def _created(item: Raw) -> tuple[str, str]:
    return item["metadata"].get("creationTimestamp") or "", item["metadata"]["name"]


def _key(item: Raw) -> tuple[str, str]:
    return item["metadata"].get("namespace", ""), item["metadata"]["name"]


def _sorted(items: Sequence[Raw], path: str) -> list[Raw]:
    """Sorted by the first value of a path: missing values first, then numbers, then strings."""
    from orchestrator.formats.jsonpath import JsonPathError, as_text, read_path

    try:
        wanted = read_path(path)
    except JsonPathError as error:
        raise UsageError(str(error)) from error

    def key(item: Raw) -> tuple[int, Any]:
        values = wanted.values(item, item)
        if not values or values[0] is None:
            return 0, 0
        if isinstance(values[0], (int, float)):
            return 1, values[0]
        return 2, as_text(values[0])

    found = [key(item) for item in items]
    if items and all(rank == 0 for rank, _ in found):
        raise UsageError(f"--sort-by {path}: none of the objects has this field")
    return [item for _, _, item in sorted(zip(found, range(len(items)), items, strict=True))]
