"""Whether an execution may run, with what, and what to tell whoever started it if not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.engine import reasons
from orchestrator.engine.graph import Graph, compile_graph
from orchestrator.engine.records import as_stored
from orchestrator.engine.revision import MAX_BYTES, Revision, freeze
from orchestrator.engine.times import from_rfc3339
from orchestrator.models.execution import ExecutionPhase
from orchestrator.models.template import TemplateSpec
from orchestrator.models.workflow import WorkflowSpec, WorkflowState
from orchestrator.validation.parse import parse
from orchestrator.validation.problem import Problem
from orchestrator.validation.supported import unsupported, unsupported_execution
from orchestrator.validation.template import validate_template
from orchestrator.validation.variables import resolve_variables
from orchestrator.validation.workflow import validate_workflow

WAIT_FOR_WORKFLOW = 60.0
"""Seconds that a missing Workflow or Template is waited for: `kubectl apply -f` has no order."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """The execution ends here without having run anything."""

    reason: str
    message: str
    phase: ExecutionPhase = ExecutionPhase.FAILED


@dataclass(frozen=True, slots=True)
class Missing:
    """What it needs is not there yet."""

    reason: str
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
) -> Prepared | Refusal | Missing:
    """Freeze a workflow with its Templates; `raw_templates` by action name, None where absent."""
    spec = parse(WorkflowSpec, dict(raw_spec))
    if not isinstance(spec, WorkflowSpec):
        return _invalid(spec)
    if problems := unsupported(spec):
        return Refusal(reasons.NOT_SUPPORTED_YET, words(problems))
    for action, raw in raw_templates.items():
        if raw is None:
            return Missing(reasons.TEMPLATE_NOT_FOUND, template_not_found(action))
    templates: dict[str, TemplateSpec] = {}
    for action, raw in raw_templates.items():
        template = parse(TemplateSpec, dict(raw or {}))
        if not isinstance(template, TemplateSpec):
            return Refusal(reasons.INVALID_SPEC, f"action {action}: {words(template)}")
        if problems := validate_template(template):
            return Refusal(reasons.INVALID_SPEC, f"action {action}: {words(problems)}")
        if template.action is None:
            what = "is a whole workflow; an action is a Template with spec.action"
            return Refusal(reasons.INVALID_SPEC, f"action {action}: {what}")
        templates[action] = template
    if problems := validate_workflow(spec, templates):
        return _invalid(problems)
    revision = freeze(name, spec, templates, runner_image)
    if revision.size > MAX_BYTES:
        return Refusal(
            reasons.REVISION_TOO_LARGE,
            f"the workflow and its Templates are {revision.size:,} bytes together; "
            f"at most {MAX_BYTES:,} can be frozen",
        )
    return Prepared(compile_graph(spec, templates, runner_image), revision)


def check_start(execution: Mapping[str, Any], prepared: Prepared) -> dict[str, Any] | Refusal:
    """The values of the execution's variables, secrets left out; or why it may not start."""
    if problems := unsupported_execution(execution["spec"]):
        return Refusal(reasons.NOT_SUPPORTED_YET, words(problems))
    spec = prepared.graph.spec
    if refusal := _state_allows(spec.state, execution):
        return refusal
    values, problems = resolve_variables(spec, execution["spec"].get("variables") or {})
    if problems:
        return Refusal(reasons.INVALID_VARIABLES, words(problems))
    secret = {variable.name for variable in spec.variables if variable.type == "secret"}
    return {name: as_stored(value) for name, value in values.items() if name not in secret}


def waited_long_enough(execution: Mapping[str, Any], now: float) -> bool:
    """Whether the minute for a missing Workflow or Template is over."""
    return now >= from_rfc3339(execution["metadata"]["creationTimestamp"]) + WAIT_FOR_WORKFLOW


def actions_of(raw_spec: Mapping[str, Any]) -> list[str]:
    """The actions that a workflow's nodes name, each once; tolerates any shape."""
    nodes = raw_spec.get("nodes")
    names = [node.get("action") for node in nodes or [] if isinstance(node, Mapping)]
    return list(dict.fromkeys(name for name in names if isinstance(name, str)))


def template_not_found(action: str) -> str:
    """What to tell about an action without a Template."""
    kind, _, local = action.rpartition("/")
    if kind == "local":
        return f"there is no Template {local} in this namespace"
    return f"there is no ClusterTemplate {action}; the namespace's own Template is local/{action}"


def words(problems: list[Problem]) -> str:
    """Problems in one line, the first few in full."""
    shown = "; ".join(str(problem) for problem in problems[:5])
    return shown if len(problems) <= 5 else f"{shown}; and {len(problems) - 5} more"


def _invalid(problems: list[Problem]) -> Refusal:
    return Refusal(reasons.INVALID_SPEC, words(problems))


def _state_allows(state: WorkflowState, execution: Mapping[str, Any]) -> Refusal | None:
    if state in (WorkflowState.INACTIVE, WorkflowState.ARCHIVED):
        return Refusal(
            reasons.WORKFLOW_NOT_ACTIVE, f"the Workflow's state is {state.value}: nothing starts it"
        )
    if state is WorkflowState.DRAFT and execution["spec"].get("trigger"):
        return Refusal(
            reasons.WORKFLOW_NOT_ACTIVE,
            "the Workflow's state is Draft: only people and parents start it, no trigger",
        )
    return None
