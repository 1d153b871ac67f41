"""The rules for workflows. To add a rule, write a function of type `Rule` (validation/subject.py)
in a file of this folder, and add it to RULES."""

from __future__ import annotations

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
from orchestrator.validation.subject import Rule

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
