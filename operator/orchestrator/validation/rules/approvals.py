"""Approvals have enough approvers to reach `required`, and inputs with a bounded schema."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.validation.problem import Problem, join
from orchestrator.validation.schemas import check_schema
from orchestrator.validation.subject import Subject


def approvers(subject: Subject) -> Iterator[Problem]:
    """Enough people may decide."""
    for path, node in subject.nodes():
        if node.approval is None:
            continue
        users = set(node.approval.approvers)
        required = node.approval.required or 1
        if len(users) < required and all(name.startswith("user:") for name in users):
            message = f"{required} people are required, but only {len(users)} may decide"
            yield Problem(join(path, "approval", "required"), message)


def input_schemas(subject: Subject) -> Iterator[Problem]:
    """The schema of the inputs is valid and has only keywords whose check is bounded."""
    for path, node in subject.nodes():
        if node.approval is not None and node.approval.inputs is not None:
            where = join(path, "approval", "inputs")
            for field, message in check_schema(where, node.approval.inputs):
                yield Problem(field, message)
