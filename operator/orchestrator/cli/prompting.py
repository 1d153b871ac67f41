"""What a decision lacks to count: refused beforehand, and at a terminal asked for."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

from orchestrator.cli.approval_inputs import Field, missing, nearest, value_of
from orchestrator.cli.connection import Raw
from orchestrator.cli.errors import UsageError
from orchestrator.cli.pending_approvals import Asked, PendingApproval
from orchestrator.cli.terminal import say
from orchestrator.engine.approval import refusal_of
from orchestrator.validation.inputs import MAX_INPUTS


def check_eligible(asked: Asked, entry: Raw) -> None:
    """Raises UsageError where the user's decision would not count whatever it says."""
    judged = {**entry, "decision": "Reject", "inputs": {}}
    if refusal := refusal_of(asked.approval, judged, asked.run):
        raise UsageError(
            f"{entry['by']} {refusal}, so your decision on {entry['node']} would not count;"
            f" asked: {', '.join(asked.approval.approvers)}"
        )


def check_inputs_count(asked: Asked, entry: Raw, fields: Sequence[Field]) -> None:
    """Raises UsageError where the decision would not count for its inputs."""
    inputs = entry.get("inputs") or {}
    if (size := len(json.dumps(inputs, ensure_ascii=False).encode())) > MAX_INPUTS:
        raise UsageError(f"the inputs are {size:,} bytes as JSON, and at most {MAX_INPUTS:,} count")
    if refusal := refusal_of(asked.approval, entry, asked.run):
        unknown = [name for name in inputs if name not in {field.name for field in fields}]
        hint = nearest(fields, unknown[0]) if unknown else ""
        raise UsageError(
            f"{entry['by']} {refusal}{hint}, so your decision on {entry['node']} would not count"
            + _listed(fields)
        )


def complete(
    pending: PendingApproval, fields: Sequence[Field], inputs: dict[str, Any]
) -> dict[str, Any]:
    """The inputs with those asked for that were missing. Raises UsageError without a terminal."""
    lacking = missing(fields, inputs)
    if not sys.stdin.isatty():
        if lacking:
            unknown = [name for name in inputs if name not in {field.name for field in fields}]
            hint = nearest(lacking, unknown[0]) if unknown else ""
            names = ", ".join(field.name for field in lacking)
            raise UsageError(
                f"{pending.node} of {pending.execution} asks for inputs that are missing:"
                f" {names}{hint}{_listed(fields)}\ntype\n  {pending.command}"
            )
        return inputs
    if fields:
        say(f"{pending.node} asks for:", file=sys.stderr)
        for field in fields:
            say(f"  {field.words}", file=sys.stderr)
    return {**inputs, **{field.name: _ask(field) for field in lacking}}


def _ask(field: Field) -> Any:
    """Ask for an input until it has a value of its type. Raises UsageError at the end of input."""
    while True:
        say(f"{field.name}: ", end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        if not line:
            say(file=sys.stderr)
            raise UsageError(f"nothing was entered for {field.name}; nothing was decided")
        text = line.rstrip("\r\n")
        if not text:
            continue
        try:
            return value_of(field, field.name, text)
        except UsageError as error:
            say(error, file=sys.stderr)


def _listed(fields: Sequence[Field]) -> str:
    if not fields:
        return ""
    return "\nasked for:\n" + "\n".join(f"  {field.words}" for field in fields)
