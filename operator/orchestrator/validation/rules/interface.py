"""The interface of a Template: its type, parameters and outputs."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from orchestrator.models.base import ValueType
from orchestrator.models.exactly_one import TEMPLATE
from orchestrator.models.template import TemplateSpec
from orchestrator.validation.problem import Problem
from orchestrator.validation.rules.declarations import declared
from orchestrator.validation.rules.names import no_boolean_words, no_duplicates


def one_purpose(spec: TemplateSpec) -> Iterator[Problem]:
    """A Template is either an action or a whole workflow."""
    if message := TEMPLATE.problem(spec):
        yield Problem("spec", message)


def names(spec: TemplateSpec) -> Iterator[Problem]:
    """Names are unique and not YAML booleans; parameters differ in more than case."""
    parameters = [(f"spec.parameters[{i}].name", p.name) for i, p in enumerate(spec.parameters)]
    outputs = [(f"spec.outputs[{i}].name", output.name) for i, output in enumerate(spec.outputs)]
    yield from no_boolean_words(chain(parameters, outputs))
    yield from no_duplicates(outputs, "an output")
    first: dict[str, str] = {}
    for path, name in parameters:
        variable = f"PARAM_{name.upper()}"
        if variable in first:
            message = (
                f"{name!r} and {first[variable]!r} would both be the environment variable"
                f" {variable}"
            )
            yield Problem(path, message)
        first.setdefault(variable, name)


def parameters(spec: TemplateSpec) -> Iterator[Problem]:
    """Every parameter has a consistent declaration."""
    for i, parameter in enumerate(spec.parameters):
        yield from declared(f"spec.parameters[{i}]", parameter)


def outputs(spec: TemplateSpec) -> Iterator[Problem]:
    """No output is a secret: outputs are stored in the status."""
    for i, output in enumerate(spec.outputs):
        if output.type is ValueType.SECRET:
            yield Problem(f"spec.outputs[{i}].type", "an output is stored and cannot be a secret")
