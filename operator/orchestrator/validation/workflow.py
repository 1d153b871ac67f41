"""The validator of workflows: the same at apply time, offline, and before an execution."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import chain, islice

from orchestrator.models.template import TemplateSpec
from orchestrator.models.workflow import WorkflowSpec
from orchestrator.validation.problem import MAX_PROBLEMS, Problem
from orchestrator.validation.rules import (
    actions,
    approvals,
    declarations,
    edges,
    kinds,
    names,
    pods,
    references,
    subworkflows,
    times,
)
from orchestrator.validation.subject import Rule, Subject

RULES: tuple[Rule, ...] = (
    names.boolean_words,
    names.unique_names,
    names.item_names,
    kinds.one_kind,
    kinds.fields_of_kind,
    kinds.one_kind_of_wait,
    kinds.message_without_secrets,
    edges.known_nodes,
    edges.edges_once,
    edges.no_self_edges,
    edges.no_cycles,
    edges.outcomes,
    edges.final_nodes,
    declarations.variables,
    actions.known_actions,
    actions.parameters,
    actions.script_texts,
    subworkflows.child_variables,
    references.expressions,
    times.durations,
    times.whole_seconds,
    times.backoffs,
    approvals.approvers,
    approvals.input_schemas,
    pods.pod_settings,
)
"""All rules; the most helpful findings come first."""


def validate_workflow(
    spec: WorkflowSpec,
    templates: Mapping[str, TemplateSpec],
    workflows: Mapping[str, WorkflowSpec] | None = None,
    *,
    assumed: Collection[str] = (),
) -> list[Problem]:
    """What is wrong with a workflow, at most 50 problems.

    `templates` are the Templates by action as nodes name them: `x` for a ClusterTemplate, `local/x`
    for a Template of the namespace. An action that is not among them does not exist. `workflows`
    are the sub-workflows by name, where they are known; `assumed` are actions that are taken to
    exist, where it cannot be known.
    """
    subject = Subject(spec, templates, workflows or {}, assumed)
    found = chain.from_iterable(rule(subject) for rule in RULES)
    return list(islice(found, MAX_PROBLEMS))
