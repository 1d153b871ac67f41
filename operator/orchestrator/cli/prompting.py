"""Prompts for missing inputs of an approval at a terminal."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from orchestrator.cli.approval_inputs import value_of
from orchestrator.cli.terminal import say
from orchestrator.operations.inputs import Field, missing
from orchestrator.session.errors import UsageError


def complete(node: str, fields: Sequence[Field], inputs: dict[str, Any]) -> dict[str, Any]:
    """The inputs, completed by prompting for missing ones if there is a terminal."""
    if not sys.stdin.isatty():
        return inputs
    if fields:
        say(f"{node} asks for:", file=sys.stderr)
        for field in fields:
            say(f"  {field.words}", file=sys.stderr)
    return {**inputs, **{field.name: _ask(field) for field in missing(fields, inputs)}}


def _ask(field: Field) -> Any:
    """Prompt for an input until the value has its type. Raises UsageError at the end of input."""
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
