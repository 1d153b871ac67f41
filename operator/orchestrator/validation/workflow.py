"""The validator of workflows, used at apply time, offline, and before an execution."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import chain, islice

from orchestrator.models.template import TemplateSpec
from orchestrator.models.workflow import WorkflowSpec
from orchestrator.validation.problem import MAX_PROBLEMS, Problem
from orchestrator.validation.rules.registry import RULES
from orchestrator.validation.subject import Subject


def validate_workflow(
    spec: WorkflowSpec,
    templates: Mapping[str, TemplateSpec],
    workflows: Mapping[str, WorkflowSpec] | None = None,
    *,
    assumed: Collection[str] = (),
) -> list[Problem]:
    """Problems of a workflow, at most 50.

    `templates` are the Templates by action as nodes name them: `x` for a ClusterTemplate, `local/x`
    for a Template of the namespace. An action that is not among them does not exist. `workflows`
    are the known sub-workflows by name; `assumed` are actions that are assumed to exist because
    their Templates cannot be read.
    """
    subject = Subject(spec, templates, workflows or {}, assumed)
    problems = chain.from_iterable(rule(subject) for rule in RULES)
    return list(islice(problems, MAX_PROBLEMS))
