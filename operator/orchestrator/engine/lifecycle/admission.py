"""Admission of an execution, not the admission webhook: whether it may run, with what, and the
message to its requester if not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from orchestrator.engine.graph import Graph, compile_graph
from orchestrator.engine.lifecycle.revision import MAX_REVISION_BYTES, Revision, freeze
from orchestrator.engine.status.records import as_stored
from orchestrator.engine.status.size import MAX_VARIABLES
from orchestrator.expressions import SecretValue
from orchestrator.models.execution import ExecutionPhase
from orchestrator.models.reasons import Reason
from orchestrator.models.template import TemplateSpec
from orchestrator.models.workflow import WorkflowSpec, WorkflowState
from orchestrator.validation.missing import (
    Known,
    path_of_action,
    path_of_workflow,
    unknown_action,
    unknown_workflow,
)
from orchestrator.validation.naming import workflow_name
from orchestrator.validation.parse import parse
from orchestrator.validation.problem import Problem
from orchestrator.validation.template import validate_template
from orchestrator.validation.variables import resolve_variables
from orchestrator.validation.workflow import validate_workflow

Raw = Mapping[str, Any]
Children = Mapping[str, Mapping[str, Any] | None]
NOTHING_KNOWN = Known()

MISSING_DEFINITION_TIMEOUT = 60.0
"""Seconds to wait for a missing Workflow or Template: `kubectl apply -f` has no order."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Ends the execution before it has run anything."""

    reason: Reason
    message: str
    phase: ExecutionPhase = ExecutionPhase.FAILED


@dataclass(frozen=True, slots=True)
class Missing:
    """An object that it needs does not exist yet."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class Prepared:
    """A workflow that can run, frozen."""

    graph: Graph
    revision: Revision


def prepare(
    name: str,
    raw_spec: Mapping[str, Any],
    raw_templates: Mapping[str, Mapping[str, Any] | None],
    runner_image: str,
    raw_workflows: Mapping[str, Mapping[str, Any] | None] | None = None,
    known: Known = NOTHING_KNOWN,
) -> Prepared | Refusal | Missing:
    """Freeze a workflow with its Templates and sub-workflows.

    `raw_templates` by action name and `raw_workflows` by name, each None if absent, contain
    everything reachable from the workflow. `known` are the names that a message may propose.
    """
    if problems := workflow_name(name):
        return _invalid(problems)
    spec = _parse(raw_spec, "")
    if isinstance(spec, Refusal):
        return spec
    workflows = _parse_workflows(raw_spec, raw_workflows or {}, known)
    if not isinstance(workflows, dict):
        return workflows
    for action, template in raw_templates.items():
        if template is None:
            message = _of_action(action, raw_spec, raw_workflows or {}, known)
            return Missing(Reason.TEMPLATE_NOT_FOUND, message)
    templates = _parse_templates(raw_templates)
    if not isinstance(templates, dict):
        return templates
    if problems := validate_workflow(spec, templates, workflows):
        return _invalid(problems)
    for child, parsed in workflows.items():
        if problems := validate_workflow(parsed, templates, workflows):
            return _invalid(problems, f"workflow {child}: ")
    revision = freeze(name, spec, templates, runner_image, workflows)
    if revision.size > MAX_REVISION_BYTES:
        return Refusal(
            Reason.REVISION_TOO_LARGE,
            f"the workflow, its Templates and its sub-workflows are {revision.size:,} bytes "
            f"together; at most {MAX_REVISION_BYTES:,} can be frozen",
        )
    graph = compile_graph(spec, templates, runner_image, revision.data.get("workflows"))
    return Prepared(graph, revision)


def prepare_child(name: str, frozen: Mapping[str, Any]) -> Prepared | Refusal | Missing:
    """Freeze a sub-workflow from the content of its parent's revision."""
    workflows = frozen.get("workflows") or {}
    if name not in workflows:
        message = f"the parent's revision has no sub-workflow {name}"
        return Refusal(Reason.WORKFLOW_NOT_FOUND, message)
    reached = {child: workflows[child] for child in reachable(name, workflows)}
    used = {action for spec in (workflows[name], *reached.values()) for action in actions_of(spec)}
    templates = {action: frozen["templates"].get(action) for action in sorted(used)}
    return prepare(name, workflows[name], templates, frozen["runnerImage"], reached)


def reachable(name: str, workflows: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The sub-workflows reachable from one, each once."""
    found: dict[str, None] = {}
    waiting = workflows_of(workflows[name])
    while waiting:
        child = waiting.pop()
        if child not in found and child in workflows:
            found[child] = None
            waiting += workflows_of(workflows[child])
    return list(found)


def _parse(raw: Mapping[str, Any], prefix: str) -> WorkflowSpec | Refusal:
    spec = parse(WorkflowSpec, dict(raw))
    if not isinstance(spec, WorkflowSpec):
        return _invalid(spec, prefix)
    return spec


def _parse_workflows(
    raw_spec: Raw, raw_workflows: Children, known: Known
) -> dict[str, WorkflowSpec] | Refusal | Missing:
    workflows: dict[str, WorkflowSpec] = {}
    for child, raw in raw_workflows.items():
        if raw is None:
            message = _of_workflow(child, raw_spec, raw_workflows, known)
            return Missing(Reason.WORKFLOW_NOT_FOUND, message)
        parsed = _parse(raw, f"workflow {child}: ")
        if isinstance(parsed, Refusal):
            return parsed
        workflows[child] = parsed
    return workflows


def _parse_templates(
    raw_templates: Mapping[str, Mapping[str, Any] | None],
) -> dict[str, TemplateSpec] | Refusal:
    templates: dict[str, TemplateSpec] = {}
    for action, raw in raw_templates.items():
        template = parse(TemplateSpec, dict(raw or {}))
        if not isinstance(template, TemplateSpec):
            return Refusal(Reason.INVALID_SPEC, f"action {action}: {words(template)}")
        if problems := validate_template(template):
            return Refusal(Reason.INVALID_SPEC, f"action {action}: {words(problems)}")
        if template.action is None:
            what = "is a whole workflow; an action is a Template with spec.action"
            return Refusal(Reason.INVALID_SPEC, f"action {action}: {what}")
        templates[action] = template
    return templates


def check_start(execution: Mapping[str, Any], prepared: Prepared) -> dict[str, Any] | Refusal:
    """The values of the execution's variables without secrets, or why it may not start."""
    spec = prepared.graph.spec
    if refusal := state_allows(spec.state, execution):
        return refusal
    values, problems = resolve_variables(spec, execution["spec"].get("variables") or {})
    if problems:
        return Refusal(Reason.INVALID_VARIABLES, words(problems))
    plain = [value for value in values.values() if not isinstance(value, SecretValue)]
    size = sum(len(orjson.dumps(value)) for value in plain)
    if size > MAX_VARIABLES:
        message = (
            f"spec.variables: the values are {size:,} bytes together, and a status holds"
            f" {MAX_VARIABLES:,}; pass references to them instead"
        )
        return Refusal(Reason.INVALID_VARIABLES, message)
    secret = {variable.name for variable in spec.variables if variable.type == "secret"}
    return {name: as_stored(value) for name, value in values.items() if name not in secret}


def waited_long_enough(since: float, now: float) -> bool:
    """Whether the wait for a missing Workflow or Template has timed out."""
    return now >= since + MISSING_DEFINITION_TIMEOUT


def actions_of(raw_spec: Mapping[str, Any]) -> list[str]:
    """The actions named by a workflow's nodes, each once; tolerates any shape."""
    nodes = raw_spec.get("nodes")
    names = [node.get("action") for node in nodes or [] if isinstance(node, Mapping)]
    return list(dict.fromkeys(name for name in names if isinstance(name, str)))


def workflows_of(raw_spec: Mapping[str, Any]) -> list[str]:
    """The sub-workflows named by a workflow's nodes, each once; tolerates any shape."""
    nodes = raw_spec.get("nodes")
    children = [node.get("workflow") for node in nodes or [] if isinstance(node, Mapping)]
    names = [child.get("name") for child in children if isinstance(child, Mapping)]
    return list(dict.fromkeys(name for name in names if isinstance(name, str)))


def _of_action(action: str, raw_spec: Raw, raw_workflows: Children, known: Known) -> str:
    """Where an action without a Template is named, and which may have been meant."""
    message = unknown_action(action, known.actions)
    for prefix, raw in _specs(raw_spec, raw_workflows):
        if action in actions_of(raw):
            return f"{prefix}{path_of_action(raw, action)}: {message}"
    return message


def _of_workflow(child: str, raw_spec: Raw, raw_workflows: Children, known: Known) -> str:
    """Where a sub-workflow that does not exist is named, and which may have been meant."""
    message = unknown_workflow(child, known.workflows)
    for prefix, raw in _specs(raw_spec, raw_workflows):
        if child in workflows_of(raw):
            return f"{prefix}{path_of_workflow(raw, child)}: {message}"
    return message


def _specs(raw_spec: Raw, raw_workflows: Children) -> Iterator[tuple[str, Raw]]:
    """The workflow and its reachable sub-workflows, each with the prefix of its paths."""
    yield "", raw_spec
    for child, raw in raw_workflows.items():
        if raw is not None:
            yield f"workflow {child}: ", raw


def words(problems: list[Problem]) -> str:
    """Problems in one line, the first few in full."""
    shown = "; ".join(str(problem) for problem in problems[:5])
    return shown if len(problems) <= 5 else f"{shown}; and {len(problems) - 5} more"


def _invalid(problems: list[Problem], prefix: str = "") -> Refusal:
    return Refusal(Reason.INVALID_SPEC, prefix + words(problems))


def workflow_gone(execution: Mapping[str, Any]) -> Refusal:
    """Why a re-run of a deleted Workflow does not start."""
    workflow = execution["spec"]["workflow"]
    message = f"Workflow {workflow} was deleted, so it cannot be run again"
    return Refusal(Reason.WORKFLOW_NOT_FOUND, message)


def state_allows(state: WorkflowState, execution: Mapping[str, Any]) -> Refusal | None:
    """Why a Workflow in this state does not let the execution start, or None."""
    if state in (WorkflowState.INACTIVE, WorkflowState.ARCHIVED):
        return Refusal(
            Reason.WORKFLOW_NOT_ACTIVE, f"the Workflow's state is {state.value}: nothing starts it"
        )
    spec = execution["spec"]  # a sub-execution has the trigger of its topmost ancestor
    if state is WorkflowState.DRAFT and spec.get("trigger") and not spec.get("parent"):
        return Refusal(
            Reason.WORKFLOW_NOT_ACTIVE,
            "the Workflow's state is Draft: only people and parents start it, no trigger",
        )
    return None
