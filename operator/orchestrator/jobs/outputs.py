"""The outputs that an action wrote to $OUTPUTS, checked against the Template's declarations."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.expressions import ExpressionError
from orchestrator.expressions.bounds import to_json
from orchestrator.models.reasons import Reason
from orchestrator.models.template import TemplateSpec
from orchestrator.validation.values import check_type

CUT_AT = 4093
"""The kubelet silently keeps only the last 4,096 bytes; a character may be cut."""


@dataclass(frozen=True, slots=True)
class OutputsProblem:
    """Why outputs are refused."""

    reason: str
    message: str


def read_outputs(template: TemplateSpec, text: str) -> dict[str, Any] | OutputsProblem:
    """The declared outputs in a termination message; an empty message means no outputs."""
    if not text.strip():
        return _check(template, {})
    try:
        value = json.loads(text, parse_constant=_no_constant)
        to_json(value)
    except ExpressionError as error:
        return _invalid(f"$OUTPUTS cannot be stored: {error}")
    except ValueError as error:
        if len(text.encode()) >= CUT_AT:
            return OutputsProblem(
                Reason.OUTPUTS_TOO_LARGE,
                "the outputs exceed the 4,096 bytes that the kubelet keeps; write less to $OUTPUTS",
            )
        return _invalid(f"$OUTPUTS is not JSON: {error}")
    except RecursionError:
        return _invalid("$OUTPUTS is nested too deeply")
    if not isinstance(value, dict):
        return _invalid(f"$OUTPUTS must be one JSON object such as {{}}, not {text[:40]}")
    return _check(template, value)


def _check(template: TemplateSpec, values: Mapping[str, Any]) -> dict[str, Any] | OutputsProblem:
    declared = {output.name: output for output in template.outputs}
    for name, value in values.items():
        output = declared.get(name)
        if output is None:
            known = ", ".join(declared) or "none"
            return _invalid(
                f"output {name[:63]!r} is not declared by the Template (it has {known})"
            )
        if value is not None and (problem := check_type(value, output.type)):
            return _invalid(f"output {name} {problem}")
    for name, output in declared.items():
        if output.required and values.get(name) is None:
            return _invalid(f"output {name} is required, but the action did not write it")
    return dict(values)


def _invalid(message: str) -> OutputsProblem:
    return OutputsProblem(Reason.OUTPUTS_INVALID, message)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON value")
