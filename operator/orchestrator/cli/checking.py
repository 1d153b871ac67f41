"""What can be known of manifests before they are applied, with a cluster and without one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from orchestrator.cli.beside import Beside
from orchestrator.cli.connection import Cluster
from orchestrator.cli.kinds import KINDS, WORKFLOWS
from orchestrator.cli.manifests import Document, Metadata
from orchestrator.crds import KINDS as DEFINITIONS
from orchestrator.models.nearest import did_you_mean
from orchestrator.models.template import TemplateSpec
from orchestrator.models.trigger import TriggerSpec
from orchestrator.models.workflow import WorkflowSpec
from orchestrator.triggers.registry import REGISTRY
from orchestrator.validation.advice import advise_template, advise_trigger, advise_workflow
from orchestrator.validation.missing import (
    LOCAL,
    place_of_action,
    place_of_workflow,
    unknown_workflow,
)
from orchestrator.validation.naming import workflow_name
from orchestrator.validation.parse import parse
from orchestrator.validation.problem import Problem
from orchestrator.validation.strict import mistyped
from orchestrator.validation.template import validate_template
from orchestrator.validation.trigger import validate_trigger
from orchestrator.validation.workflow import validate_workflow


@dataclass
class Findings:
    """What was found, each a line with file, document and path."""

    problems: list[str] = field(default_factory=list)
    """What makes a manifest invalid."""
    warnings: list[str] = field(default_factory=list)
    """What is valid and probably not meant."""
    unchecked: list[str] = field(default_factory=list)
    """What could not be known."""


def check_documents(documents: Sequence[Document], cluster: Cluster | None) -> Findings:
    """What is wrong and what is doubtful, by the operator's own rules.

    A workflow's actions and sub-workflows may be beside it or on the cluster. Without a cluster,
    what depends on those that are elsewhere is not judged, and all else is.
    """
    return _check(documents, Beside(documents, cluster))


def lint_documents(documents: Sequence[Document], cluster: Cluster | None) -> Findings:
    """As `check_documents`; without a cluster the shipped actions are those of this release."""
    return _check(documents, Beside(documents, cluster, None if cluster else _shipped()))


def _shipped() -> dict[str, TemplateSpec]:
    from orchestrator.actions.manifest import templates

    return {
        name: TemplateSpec.model_validate(template["spec"])
        for name, template in templates().items()
    }


def _check(documents: Sequence[Document], beside: Beside) -> Findings:
    findings = Findings()
    for document in documents:
        problems = _examine(document, beside, findings)
        findings.problems += [document.says(problem) for problem in problems]
    return findings


def _examine(document: Document, beside: Beside, findings: Findings) -> Sequence[object]:
    """What is wrong with a document; its warnings are added to the findings."""
    if document.kind not in KINDS:
        return []
    metadata = parse(Metadata, document.raw["metadata"], "metadata")
    if isinstance(metadata, list):
        return metadata
    if document.kind is WORKFLOWS and (problems := workflow_name(document.name)):
        return problems
    raw = document.raw.get("spec") or {}
    model = next(item.spec for item in DEFINITIONS if item.name == document.kind.name)
    warnings: Sequence[Problem] = ()
    parsed = parse(model, raw)
    if not isinstance(parsed, list) and (problems := mistyped(model, raw)):
        return problems
    match parsed:
        case list() as problems:
            return problems
        case TemplateSpec() as template:
            problems = _of_template(document, template, beside, findings)
            warnings = advise_template(template)
        case TriggerSpec() as trigger:
            problems = validate_trigger(trigger, REGISTRY.types)
            advice = advise_trigger(trigger, REGISTRY.types)
            warnings = [*advice, *_started(document, trigger, beside)]
        case WorkflowSpec() as spec:
            problems, warnings = _of_workflow(document, spec, beside, findings)
        case _:
            return []
    if not problems:
        findings.warnings += [document.says(f"warning: {warning}") for warning in warnings]
    return problems


def _of_template(
    document: Document, template: TemplateSpec, beside: Beside, findings: Findings
) -> list[Problem]:
    """The problems of a Template; the actions of a whole workflow exist, where that is known."""
    if template.workflow is None:
        return validate_template(template)
    named = {node.action: None for node in template.workflow.nodes if node.action}
    templates, complete = beside.templates(document, template.workflow)
    # Of a ClusterTemplate, each namespace in which a Workflow is made has local Templates.
    unknown = [
        action
        for action in named
        if action not in templates
        and not (complete and (document.kind.namespaced or not action.startswith(LOCAL)))
    ]
    if unknown:
        words = ", ".join(f"action {action}" for action in unknown)
        why = beside.why_incomplete if not complete else "since each namespace has its own"
        findings.unchecked.append(document.says(f"not checked, {why}: {words}"))
    return validate_template(template, templates, assumed=unknown)


def _of_workflow(
    document: Document, spec: WorkflowSpec, beside: Beside, findings: Findings
) -> tuple[list[Problem], list[Problem]]:
    """The problems and the warnings of a workflow."""
    raw = document.raw.get("spec") or {}
    templates, complete = beside.templates(document, spec)
    named = {node.action: None for node in spec.nodes if node.action}
    unknown = [] if complete else [action for action in named if action not in templates]
    workflows, listed = beside.workflows(document, spec)
    children = {node.workflow.name: None for node in spec.nodes if node.workflow}
    absent = [name for name in children if name not in (workflows if listed is None else listed)]
    problems = validate_workflow(spec, templates, workflows, assumed=unknown)
    warnings = advise_workflow(spec, templates, workflows)
    for action in unknown:
        near = did_you_mean(action, templates)
        if LOCAL + action in templates:
            near = f"; for the Template beside it write {LOCAL + action!r}"
        if near and not action.startswith(LOCAL):
            message = f"this release ships no action {action!r}{near}"
            warnings.append(Problem(place_of_action(raw, action), message))
    for name in absent:
        if listed is not None:
            warnings.append(Problem(place_of_workflow(raw, name), unknown_workflow(name, listed)))
        elif near := beside.near(document, name):
            message = f"there is no Workflow {name!r} beside this one{near}"
            warnings.append(Problem(place_of_workflow(raw, name), message))
    unchecked = [f"action {action}" for action in unknown]
    unchecked += [f"sub-workflow {name}" for name in absent if listed is None]
    if unchecked:
        why = beside.why_incomplete
        findings.unchecked.append(document.says(f"not checked, {why}: {', '.join(unchecked)}"))
    return problems, warnings


def _started(document: Document, trigger: TriggerSpec, beside: Beside) -> list[Problem]:
    """That the Workflow of a trigger does not exist, where that is known."""
    listed = beside.names(document)
    if listed is None or trigger.workflow in listed:
        return []
    return [Problem("spec.workflow", unknown_workflow(trigger.workflow, listed))]
