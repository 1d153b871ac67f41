"""The fields of a workflow that contain expressions, and the names each expression can use."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from orchestrator.expressions import Expression, compile_expression, compile_text
from orchestrator.expressions.bounds import MAX_DEPTH
from orchestrator.models.base import Json
from orchestrator.models.workflow import Node
from orchestrator.validation.problem import join
from orchestrator.validation.subject import Subject

BASE = frozenset({"vars", "nodes", "execution", "workflow", "event"})
"""The roots that every expression of a workflow can use."""


@dataclass(frozen=True, slots=True)
class ExpressionField:
    """A string of a manifest that is or contains an expression."""

    path: str
    source: str
    text: bool
    """Whether expressions are inside `$[[ ]]`; otherwise the whole string is one."""
    nodes: int
    """The nodes that the expressions may read, as a bit mask."""
    owner: str
    """The node that the field belongs to; empty for fields of the workflow."""
    roots: frozenset[str] = BASE
    free: frozenset[str] = frozenset()
    """Roots of unknown structure: the item of forEach, its index, now."""
    final: bool = False
    """Whether the expressions are evaluated when the outcome of the execution is known."""

    def expressions(self) -> tuple[Expression, ...]:
        """Its expressions; ExpressionError if one is invalid."""
        if self.text:
            return compile_text(self.source).expressions
        return (compile_expression(self.source),)


def expression_fields(subject: Subject) -> Iterator[ExpressionField]:
    """All fields of a workflow with expressions, in the order of the manifest."""
    for i, (path, node) in enumerate(subject.nodes()):
        yield from _of_node(path, node, i, subject)
    for i, source, _ in subject.edges:
        when = subject.spec.edges[i].when
        if when is not None:
            readable = subject.upstream[source] | 1 << source
            owner = subject.spec.edges[i].to
            path = f"spec.edges[{i}].when"
            yield ExpressionField(path, when, text=False, nodes=readable, owner=owner)
    for i, output in enumerate(subject.spec.outputs):
        path = f"spec.outputs[{i}].value"
        yield ExpressionField(path, output.value, text=False, nodes=subject.everything, owner="")
    concurrency = subject.spec.concurrency
    if concurrency is not None and concurrency.key is not None:
        roots = BASE - {"nodes"}
        path = "spec.concurrency.key"
        yield ExpressionField(path, concurrency.key, text=False, nodes=0, owner="", roots=roots)


def _of_node(path: str, node: Node, i: int, subject: Subject) -> Iterator[ExpressionField]:
    final = bool(subject.final >> i & 1)
    seen = subject.everything & ~subject.final if final else subject.upstream[i]

    def bare(field: str, source: str, nodes: int = seen, now: bool = False) -> ExpressionField:
        free = frozenset({"now"}) if now else frozenset()
        return ExpressionField(
            join(path, *field.split(".")),
            source,
            text=False,
            nodes=nodes,
            owner=node.name,
            free=free,
            final=final,
        )

    if node.when is not None:
        yield bare("when", node.when)
    if node.condition is not None:
        yield bare("condition", node.condition)
    for name, source in (node.transform or {}).items():
        yield bare(f"transform.{name}", source)
    if node.wait is not None and node.wait.until is not None:
        yield bare("wait.until", node.wait.until, subject.everything, now=True)
    if node.for_each is not None:
        yield bare("forEach.values", node.for_each.values)
    if node.repeat is not None:
        yield bare("repeat.until", node.repeat.until, seen | 1 << i)
    item = frozenset({node.for_each.as_, "index"}) if node.for_each else frozenset()
    texts = [("with", node.with_), ("workflow", node.workflow and node.workflow.variables)]
    if node.fail is not None:
        yield ExpressionField(join(path, "fail"), node.fail, True, seen, node.name, final=final)
    for field, value in texts:
        root = join(path, field) if field == "with" else join(path, field, "variables")
        for where, source in strings(root, value):
            yield ExpressionField(where, source, True, seen, node.name, free=item, final=final)


def strings(path: str, value: Json) -> Iterator[tuple[str, str]]:
    """Every string inside a JSON value with its path, in order, down to the maximum depth."""
    stack = [(path, value, 0)]
    while stack:
        where, item, depth = stack.pop()
        if isinstance(item, str):
            yield where, item
        elif depth > MAX_DEPTH:
            continue  # the rule on parameters refuses such a value
        elif isinstance(item, dict):
            inside = [(join(where, str(key)), child, depth + 1) for key, child in item.items()]
            stack.extend(reversed(inside))
        elif isinstance(item, list):
            inside = [(join(where, n), child, depth + 1) for n, child in enumerate(item)]
            stack.extend(reversed(inside))
