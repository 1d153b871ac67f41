"""The validator of Templates and ClusterTemplates."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import chain, islice

from orchestrator.models.template import TemplateSpec
from orchestrator.validation.problem import MAX_PROBLEMS, Problem
from orchestrator.validation.rules import containers, interface, rendering
from orchestrator.validation.workflow_template import validate_whole_workflow

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
"""All rules; the most helpful findings come first."""


def validate_template(
    spec: TemplateSpec,
    templates: Mapping[str, TemplateSpec] | None = None,
    *,
    assumed: Collection[str] = (),
) -> list[Problem]:
    """Problems of a Template, at most 50.

    `templates` and `assumed` are the actions that the nodes of a whole workflow may use, as in
    `validate_workflow`. Without `templates`, the rules that depend on them do not apply.
    """
    problems = list(islice(chain.from_iterable(rule(spec) for rule in RULES), MAX_PROBLEMS))
    if spec.workflow is None or problems:
        return problems
    if templates is None:
        templates, assumed = {}, [node.action for node in spec.workflow.nodes if node.action]
    return validate_whole_workflow(spec, templates, assumed)
