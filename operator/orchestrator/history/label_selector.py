"""Label selectors, as the API server understands them.

https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, exists

from orchestrator.history.tables import EXECUTIONS, LABELS

_KEY = r"[A-Za-z0-9][-A-Za-z0-9_./]*"
_TERM = re.compile(
    rf"\s*(?:(?P<absent>!)\s*(?P<without>{_KEY})"
    rf"|(?P<among>{_KEY})\s+(?P<how>in|notin)\s*\((?P<values>[^()]*)\)"
    rf"|(?P<key>{_KEY})\s*(?:(?P<compared>==?|!=)\s*(?P<value>[-A-Za-z0-9_.]*))?)\s*(?:,|$)"
)


@dataclass(frozen=True, slots=True)
class Requirement:
    """What a label must be."""

    key: str
    values: frozenset[str] | None
    """One of these; None for any."""
    negated: bool
    """Whether it must not be so, or be absent."""

    def condition(self) -> ColumnElement[bool]:
        """For a query of EXECUTIONS."""
        label = LABELS.c
        found = and_(label.uid == EXECUTIONS.c.uid, label.key == self.key)
        if self.values is not None:
            found = and_(found, label.value.in_(sorted(self.values)))
        has = exists().where(found)
        return ~has if self.negated else has


def requirements_of(selector: str) -> tuple[Requirement, ...]:
    """The requirements of a selector; ValueError if it is none."""
    found: list[Requirement] = []
    at = 0
    while at < len(selector.rstrip()):
        term = _TERM.match(selector, at)
        if term is None:
            raise ValueError(f"{selector[at : at + 80]!r} is not a label selector")
        found.append(_requirement(term))
        at = term.end()
    return tuple(found)


def _requirement(term: re.Match[str]) -> Requirement:
    if term["absent"]:
        return Requirement(term["without"], None, True)
    if term["among"]:
        values = frozenset(value.strip() for value in term["values"].split(","))
        return Requirement(term["among"], values, term["how"] == "notin")
    if term["compared"] is None:
        return Requirement(term["key"], None, False)
    return Requirement(term["key"], frozenset({term["value"]}), term["compared"] == "!=")
