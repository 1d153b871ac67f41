"""Approves and rejects: a user's decision, refused if it would not count."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from orchestrator.engine.nodes.approval import refusal_of
from orchestrator.models.base import Json
from orchestrator.operations.approvals import ApprovalDetails
from orchestrator.operations.entries import check_known
from orchestrator.operations.errors import CommandError, invalid
from orchestrator.operations.inputs import fields_of, listed, missing, nearest
from orchestrator.operations.writes import Manifest
from orchestrator.validation.inputs import MAX_INPUTS

APPROVE, REJECT = "Approve", "Reject"
MAX_GROUPS = 64
"""Maximum number of groups in a decision."""
BY = "spec.decisions[].by"
INPUTS = "spec.decisions[].inputs"


@dataclass(frozen=True, slots=True)
class Person:
    """The user who decides, as reported by the API server."""

    name: str
    groups: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class ApprovalDecision:
    """The content of a decision: Approve or Reject, a comment, and the inputs of the approval."""

    decision: str
    comment: str = ""
    inputs: Mapping[str, Json] = field(default_factory=dict)


def check_eligible(details: ApprovalDetails | None, node: str, person: Person) -> None:
    """Raises CommandError if no decision by the user would count.

    `details` are the approval's details from the graph, None if it cannot be read.
    """
    check_known(person.name, BY)
    if details is None:
        return
    entry = {**_entry(details, node, person), "decision": REJECT, "inputs": {}}
    if refusal := refusal_of(details.approval, entry, details.run):
        raise invalid(
            BY,
            f"{person.name} {refusal}, so your decision on {node} would not count;"
            f" asked: {', '.join(details.approval.approvers)}",
        )


def decide(
    details: ApprovalDetails | None,
    node: str,
    person: Person,
    verdict: ApprovalDecision,
    *,
    now: float,
) -> Manifest:
    """The entry for the decision; `now`, in seconds since the epoch, makes it unique.

    Raises CommandError if it would not count, because of the user or of the inputs.
    """
    check_eligible(details, node, person)
    entry = {**_entry(details, node, person), "decision": verdict.decision}
    if verdict.comment:
        entry["comment"] = verdict.comment
    if verdict.inputs:
        entry["inputs"] = dict(verdict.inputs)
    if details is not None:
        _check_inputs(details, entry)
    entry["at"] = f"{datetime.fromtimestamp(now, UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
    return entry


def _entry(details: ApprovalDetails | None, node: str, person: Person) -> Manifest:
    """The groups are those that make the user eligible; any if it is unknown which do."""
    groups = list(person.groups[:MAX_GROUPS])
    if details is not None:
        groups = [name for name in person.groups if f"group:{name}" in details.approval.approvers]
    return {"node": node, "by": person.name, **({"groups": groups} if groups else {})}


def _check_inputs(details: ApprovalDetails, entry: Manifest) -> None:
    """Raises CommandError if the decision would not count because of its inputs."""
    fields, inputs = fields_of(details.approval.inputs), entry.get("inputs") or {}
    if entry["decision"] == APPROVE and (lacking := missing(fields, inputs)):
        names = ", ".join(field.name for field in lacking) + nearest(lacking, fields, inputs)
        run = f"{entry['node']} of {details.run.name}"
        raise _error(f"{run} requires inputs that are missing: {names}{listed(fields)}")
    if (size := len(json.dumps(inputs, ensure_ascii=False).encode())) > MAX_INPUTS:
        raise _error(f"the inputs are {size:,} bytes as JSON; at most {MAX_INPUTS:,} are accepted")
    if refusal := refusal_of(details.approval, entry, details.run):
        why = f"{entry['by']} {refusal}{nearest(fields, fields, inputs)}"
        count = f"so your decision on {entry['node']} would not count"
        raise _error(f"{why}, {count}{listed(fields)}")


def _error(message: str) -> CommandError:
    return invalid(INPUTS, message)
