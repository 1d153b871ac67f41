"""The validator of Templates and ClusterTemplates."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain, islice

from orchestrator.models.template import TemplateSpec
from orchestrator.validation.problem import MAX_PROBLEMS, Problem
from orchestrator.validation.rules import containers, interface, rendering

RULES: tuple[Callable[[TemplateSpec], Iterator[Problem]], ...] = (
    interface.one_purpose,
    interface.names,
    interface.parameters,
    interface.outputs,
    containers.script_or_command,
    containers.environment,
    containers.environment_sources,
    containers.volumes,
    containers.grace_period,
    rendering.expressions,
    rendering.literal_fields,
)
"""Every rule, in the order in which their findings help most."""


def validate_template(spec: TemplateSpec) -> list[Problem]:
    """What is wrong with a Template, at most 50 problems."""
    found = chain.from_iterable(rule(spec) for rule in RULES)
    return list(islice(found, MAX_PROBLEMS))
