"""Which executions a list or a figure is about, and where the next page of a list begins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, FromClause, and_, exists, or_

from orchestrator.history.tables import EXECUTIONS, LABELS


@dataclass(frozen=True, slots=True)
class Selection:
    """All conditions must hold; an absent one holds for every execution."""

    namespaces: frozenset[str] | None = None
    """The namespaces that may be read; None for all, and nothing if empty."""
    workflow: str | None = None
    phases: frozenset[str] | None = None
    trigger: str | None = None
    """Name of a Trigger; empty for executions that none started."""
    requester: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    """A part of a name, a person, the reason or the message, whatever its case."""
    since: int | None = None
    """Milliseconds since the epoch; executions that ended then or later."""
    until: int | None = None
    """Milliseconds since the epoch; executions that ended before."""


@dataclass(frozen=True, slots=True)
class Position:
    """The last execution of a page. The next page begins after it, whatever was recorded since."""

    finished_at: int
    uid: str


def conditions(selection: Selection) -> list[ColumnElement[bool]]:
    """The selection, without its labels, for a query of EXECUTIONS."""
    table = EXECUTIONS.c
    found: list[ColumnElement[bool]] = []
    if selection.namespaces is not None:
        found.append(table.namespace.in_(sorted(selection.namespaces)))
    for column, wanted in (
        (table.workflow, selection.workflow),
        (table.trigger, selection.trigger),
        (table.requester, selection.requester),
    ):
        if wanted is not None:
            found.append(column == wanted)
    if selection.phases is not None:
        found.append(table.phase.in_(sorted(selection.phases)))
    if selection.text:
        found.append(table.search.contains(selection.text.lower(), autoescape=True))
    if selection.since is not None:
        found.append(table.finished_at >= selection.since)
    if selection.until is not None:
        found.append(table.finished_at < selection.until)
    return found


@dataclass(frozen=True, slots=True)
class Source:
    """What a list reads, and the columns by which it is in order."""

    tables: FromClause
    conditions: tuple[ColumnElement[bool], ...]
    finished_at: ColumnElement[int]
    uid: ColumnElement[str]


def page_source(selection: Selection) -> Source:
    """The source of a list. A list by label reads the executions in the order of a label's index,
    not all that have the label."""
    executions, found = EXECUTIONS.c, conditions(selection)
    labels = sorted(selection.labels.items())
    if not labels:
        return Source(EXECUTIONS, tuple(found), executions.finished_at, executions.uid)
    (key, value), *others = labels
    first = LABELS.alias("first")
    found += [first.c.key == key, first.c.value == value]
    if selection.since is not None:
        found.append(first.c.finished_at >= selection.since)
    if selection.until is not None:
        found.append(first.c.finished_at < selection.until)
    for key, value in others:
        label = LABELS.c
        same = and_(label.finished_at == first.c.finished_at, label.uid == first.c.uid)
        found.append(exists().where(label.key == key, label.value == value, same))
    tables = first.join(EXECUTIONS, executions.uid == first.c.uid)
    return Source(tables, tuple(found), first.c.finished_at, first.c.uid)


def after(source: Source, position: Position, *, oldest_first: bool) -> ColumnElement[bool]:
    """What follows the position in a list by time."""
    at, uid = source.finished_at, source.uid
    if oldest_first:
        first, rest = at >= position.finished_at, at > position.finished_at
        return and_(first, or_(rest, uid > position.uid))
    first, rest = at <= position.finished_at, at < position.finished_at
    return and_(first, or_(rest, uid < position.uid))
