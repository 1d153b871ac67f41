"""A node has exactly one kind, and only fields of that kind."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.expressions import ExpressionError, compile_text
from orchestrator.models.base import ValueType
from orchestrator.models.exactly_one import NODE, WAIT
from orchestrator.models.workflow import Node
from orchestrator.validation.problem import Problem, join
from orchestrator.validation.subject import Subject, kinds_of

FIELDS_BY_KIND: tuple[tuple[str, str, tuple[str, ...], str], ...] = (
    ("with", "with_", ("action",), "parameters belong to actions"),
    ("retry", "retry", ("action", "workflow"), "only actions and sub-workflows are retried"),
    (
        "timeout",
        "timeout",
        ("action", "workflow", "approval", "wait"),
        "only actions, sub-workflows, approvals and waits have a timeout",
    ),
    ("startTimeout", "start_timeout", ("action",), "only actions have a container to start"),
    ("forEach", "for_each", ("action", "workflow"), "only actions and sub-workflows fan out"),
    ("repeat", "repeat", ("action", "workflow"), "only actions and sub-workflows are repeated"),
)
"""Fields of a node that only some kinds have: name, attribute, kinds and message."""


def one_kind(subject: Subject) -> Iterator[Problem]:
    """A node has exactly one of the keys that define its kind."""
    for path, node in subject.nodes():
        if message := NODE.problem(node):
            yield Problem(path, message)


def fields_of_kind(subject: Subject) -> Iterator[Problem]:
    """A node has only the fields of its kind."""
    for path, node in subject.nodes():
        kinds = kinds_of(node)
        if len(kinds) == 1:
            yield from _misplaced(path, node, kinds[0])
        if node.for_each is not None and node.workflow is not None and node.retry is not None:
            message = (
                "a fan-out over sub-workflows has no retry; set it in the sub-workflow's nodes"
            )
            yield Problem(join(path, "retry"), message)
        if node.for_each is not None and node.repeat is not None:
            yield Problem(join(path, "repeat"), "a node has either forEach or repeat, not both")


def _misplaced(path: str, node: Node, kind: str) -> Iterator[Problem]:
    for field, attribute, kinds, message in FIELDS_BY_KIND:
        if getattr(node, attribute) is not None and kind not in kinds:
            hint = _HINTS.get((field, kind), "")
            yield Problem(join(path, field), f"{message}; this node is a {kind}{hint}")


_HINTS = {
    ("timeout", "delay"): ", which has a fixed duration",
    ("timeout", "fail"): ", which ends at once",
    ("with", "workflow"): ", whose inputs are in workflow.variables",
}


def one_kind_of_wait(subject: Subject) -> Iterator[Problem]:
    """A wait has either a condition or a signal."""
    for path, node in subject.nodes():
        if node.wait is not None and (message := WAIT.problem(node.wait)):
            yield Problem(join(path, "wait"), message)


def message_without_secrets(subject: Subject) -> Iterator[Problem]:
    """The message of `fail` contains no secret, since it is stored in the status."""
    for path, node in subject.nodes():
        if node.fail is None:
            continue
        try:
            references = compile_text(node.fail).references
        except ExpressionError:
            continue  # the rule on expressions reports it
        for root, *rest in sorted(references):
            variable = subject.variables.get(rest[0]) if root == "vars" and rest else None
            if variable is not None and variable.type is ValueType.SECRET:
                message = f"vars.{variable.name} is a secret, which a message cannot contain"
                yield Problem(join(path, "fail"), message)
