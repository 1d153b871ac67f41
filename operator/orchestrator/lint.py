"""Findings about a manifest, for all that report them: `orchestrator apply` and `lint`, and the
admission webhook. All of them report the same, in the same words."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from orchestrator.crds import KINDS
from orchestrator.models.nearest import did_you_mean
from orchestrator.models.reasons import Reason
from orchestrator.models.template import TemplateSpec
from orchestrator.models.trigger import TriggerSpec
from orchestrator.models.workflow import WorkflowSpec
from orchestrator.triggers.readiness import obstacle
from orchestrator.triggers.registry import REGISTRY
from orchestrator.validation.advice import advise_template, advise_trigger, advise_workflow
from orchestrator.validation.missing import (
    LOCAL,
    path_of_action,
    path_of_workflow,
    unknown_workflow,
)
from orchestrator.validation.naming import workflow_name
from orchestrator.validation.parse import parse
from orchestrator.validation.problem import Problem, join
from orchestrator.validation.strict import mistyped
from orchestrator.validation.template import validate_template
from orchestrator.validation.trigger import validate_trigger
from orchestrator.validation.workflow import validate_workflow

SPECS = {kind.name: kind.spec for kind in KINDS}
"""The model of each kind's spec."""


class References(Protocol):
    """The Templates and Workflows that a manifest can refer to."""

    def templates(self, spec: WorkflowSpec) -> tuple[Mapping[str, TemplateSpec], bool]:
        """The Templates by action, and whether there are no others."""

    def workflows(
        self, spec: WorkflowSpec
    ) -> tuple[Mapping[str, WorkflowSpec], Collection[str] | None]:
        """The sub-workflows by name, and the names of all Workflows, if they are known."""

    def started(self, name: str) -> Mapping[str, Any] | None:
        """The spec, as written, of the Workflow of this name, where it is known."""

    def names(self) -> Collection[str] | None:
        """The names of all Workflows of the namespace, if they are known."""

    def near(self, name: str) -> str:
        """A Workflow applied with the manifest whose name is like this one, as a question."""


@dataclass(frozen=True, slots=True)
class Findings:
    """The result of checking a manifest."""

    problems: tuple[Problem, ...] = ()
    """Problems that make the manifest invalid, the most helpful first."""
    missing: frozenset[Problem] = frozenset()
    """The problems that applying the missing Template or Workflow later also solves."""
    warnings: tuple[Problem, ...] = ()
    """Warnings about valid content that is probably not intended."""
    unchecked: tuple[str, ...] = ()
    """Actions and sub-workflows that could not be checked."""
    why_unchecked: str = ""
    """The reason, if it is not that the referenced Templates or Workflows are unknown."""


def check_manifest(kind: str, name: str, spec: Any, references: References) -> Findings:
    """The findings in a manifest of one of our kinds; warnings only where it is valid."""
    if kind == "Workflow" and (problems := workflow_name(name)):
        return Findings(tuple(problems))
    raw = {} if spec is None else spec
    parsed = parse(SPECS[kind], raw)
    if isinstance(parsed, list):
        return Findings(tuple(parsed))
    if problems := mistyped(SPECS[kind], raw):
        return Findings(tuple(problems))
    match parsed:
        case TemplateSpec() as template:
            return _of_template(template, references, namespaced=kind == "Template")
        case TriggerSpec() as trigger:
            return _of_trigger(trigger, references)
        case WorkflowSpec() as workflow:
            return _of_workflow(workflow, raw, references)
    return Findings()


def _findings(
    problems: Sequence[Problem],
    warnings: Sequence[Problem],
    missing: Collection[Problem] = (),
    unchecked: Sequence[str] = (),
    why: str = "",
) -> Findings:
    shown = () if problems else tuple(warnings)
    return Findings(tuple(problems), frozenset(missing), shown, tuple(unchecked), why)


def _of_workflow(spec: WorkflowSpec, raw: Mapping[str, Any], references: References) -> Findings:
    templates, complete = references.templates(spec)
    named = {node.action: None for node in spec.nodes if node.action}
    unknown = [] if complete else [action for action in named if action not in templates]
    workflows, listed = references.workflows(spec)
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
            warnings.append(Problem(path_of_action(raw, action), message))
    for name in absent:
        if listed is not None:
            warnings.append(Problem(path_of_workflow(raw, name), unknown_workflow(name, listed)))
        elif near := references.near(name):
            warnings.append(Problem(path_of_workflow(raw, name), _not_beside(name, near)))
    unchecked = [f"action {action}" for action in unknown]
    unchecked += [f"sub-workflow {name}" for name in absent if listed is None]
    return _findings(problems, warnings, _missing(problems, spec, templates, "spec"), unchecked)


def _of_template(template: TemplateSpec, references: References, *, namespaced: bool) -> Findings:
    """The actions of a whole workflow exist, where that is known."""
    warnings = advise_template(template)
    if template.workflow is None:
        return _findings(validate_template(template), warnings)
    templates, complete = references.templates(template.workflow)
    # Of a ClusterTemplate, each namespace in which a Workflow is made has local Templates.
    unknown = [
        action
        for action in dict.fromkeys(node.action for node in template.workflow.nodes)
        if action is not None
        and action not in templates
        and not (complete and (namespaced or not action.startswith(LOCAL)))
    ]
    problems = validate_template(template, templates, assumed=unknown)
    missing = _missing(problems, template.workflow, templates, "spec.workflow")
    unchecked = [f"action {action}" for action in unknown]
    why = "since each namespace has its own" if complete else ""
    return _findings(problems, warnings, missing, unchecked, why)


def _missing(
    problems: Sequence[Problem], spec: WorkflowSpec, templates: Mapping[str, TemplateSpec], at: str
) -> list[Problem]:
    """The problems that are actions without a Template."""
    lacking = {
        join(f"{at}.nodes[{index}]", "action")
        for index, node in enumerate(spec.nodes)
        if node.action is not None and node.action not in templates
    }
    return [problem for problem in problems if problem.path in lacking]


def _of_trigger(trigger: TriggerSpec, references: References) -> Findings:
    """The Workflow that it starts exists and takes its variables, where that is known."""
    advice = advise_trigger(trigger, REGISTRY.types)
    if problems := validate_trigger(trigger, REGISTRY.types):
        return _findings(problems, advice)
    name, listed = trigger.workflow, references.names()
    workflow = references.started(name)
    if workflow is None and (listed is None or name in listed):
        if near := references.near(name):
            advice.append(Problem("spec.workflow", _not_beside(name, near)))
        return _findings((), advice, unchecked=[f"Workflow {name}"])
    found = obstacle(trigger, workflow, listed or ())
    if found is None:
        return _findings((), advice)
    match found.reason:
        case Reason.INVALID_SPEC:  # which is reported of the Workflow
            return _findings((), advice)
        case Reason.INVALID_VARIABLES:
            return _findings(found.problems, advice, missing=found.problems)
        case _:  # a state that may be meant, or a Workflow that may still be applied
            return _findings((), [*advice, *found.problems])


def _not_beside(name: str, near: str) -> str:
    return f"there is no Workflow {name!r} beside this one{near}"
