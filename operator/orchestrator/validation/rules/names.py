"""Names are unique, and none is a word that YAML 1.1 reads as a boolean."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from orchestrator.models.base import YAML_BOOLEANS
from orchestrator.models.messages import boolean_name
from orchestrator.validation.parse import YAML_BOOLEAN_KEY
from orchestrator.validation.problem import Problem, join
from orchestrator.validation.subject import Subject

ROOTS = ("vars", "nodes", "execution", "workflow", "event", "index", "now")
"""Roots of a workflow's expressions, which the name of a forEach item must not shadow."""

Named = Iterable[tuple[str, str]]


def no_boolean_words(named: Named) -> Iterator[Problem]:
    """No name is a word such as `on`, which YAML reads as `true` when it is a key."""
    for path, name in named:
        if name.lower() in YAML_BOOLEANS:
            yield Problem(path, boolean_name().of(name))


def no_duplicates(named: Named, noun: str) -> Iterator[Problem]:
    """Names are unique in their list; `noun` is what the message calls an entry."""
    first: dict[str, str] = {}
    for path, name in named:
        if name in first:
            yield Problem(path, f"{noun} {name!r} already exists, at {first[name]}")
        first.setdefault(name, path)


def boolean_words(subject: Subject) -> Iterator[Problem]:
    """No name of a node, variable, output or item is a YAML boolean."""
    spec = subject.spec
    keys = (
        (join(path, "transform", name), name)
        for path, node in subject.nodes()
        for name in node.transform or {}
    )
    items = (
        (join(path, "forEach", "as"), node.for_each.as_)
        for path, node in subject.nodes()
        if node.for_each is not None
    )
    lists = (_nodes(subject), _listed("variables", spec), _listed("outputs", spec))
    yield from no_boolean_words(chain(*lists, keys, items))
    for path, node in subject.nodes():
        for name in ("true", "false"):
            if name in (node.with_ or {}):
                yield Problem(join(path, "with"), YAML_BOOLEAN_KEY.format(name))


def unique_names(subject: Subject) -> Iterator[Problem]:
    """Nodes, variables and outputs have unique names."""
    yield from no_duplicates(_nodes(subject), "a node")
    yield from no_duplicates(_listed("variables", subject.spec), "a variable")
    yield from no_duplicates(_listed("outputs", subject.spec), "an output")


def item_names(subject: Subject) -> Iterator[Problem]:
    """The name of a forEach item shadows no root."""
    for path, node in subject.nodes():
        if node.for_each is not None and node.for_each.as_ in ROOTS:
            name = node.for_each.as_
            yield Problem(
                join(path, "forEach", "as"), f"{name!r} already has a meaning in expressions"
            )


def _nodes(subject: Subject) -> Named:
    return ((f"{path}.name", node.name) for path, node in subject.nodes())


def _listed(field: str, spec: object) -> Named:
    return ((f"spec.{field}[{i}].name", x.name) for i, x in enumerate(getattr(spec, field)))
