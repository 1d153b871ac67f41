"""What is said of a Trigger: whether it can start executions of its Workflow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from orchestrator.engine.admission import state_allows, words
from orchestrator.engine.definitions import Verdict, ready
from orchestrator.models.base import Model
from orchestrator.models.nearest import did_you_mean
from orchestrator.models.reasons import Reason
from orchestrator.models.workflow import Variable, WorkflowState
from orchestrator.triggers.registry import Registry, Trigger
from orchestrator.validation.parse import parse
from orchestrator.validation.variables import given_problems


class _Startable(Model):
    """What of a Workflow's spec decides whether a trigger can start it; reading all takes long."""

    model_config = ConfigDict(extra="ignore")

    state: WorkflowState = WorkflowState.ACTIVE
    variables: Annotated[list[Variable], Field(max_length=100)] = []


def judge_trigger(
    registry: Registry,
    spec: Mapping[str, Any],
    workflow: Mapping[str, Any] | None,
    others: Iterable[str] = (),
) -> Verdict:
    """Whether the trigger can start executions.

    `workflow` is the spec of its Workflow, None where that does not exist; `others` are the names
    of the Workflows that do, of which the nearest is proposed.
    """
    trigger = registry.read(spec)
    if not isinstance(trigger, Trigger):
        return Verdict(False, Reason.INVALID_SPEC, words(trigger))
    name = trigger.spec.workflow
    if workflow is None:
        hint = did_you_mean(name, others) or "; apply it, or correct the name"
        message = f"spec.workflow: there is no Workflow {name!r} in this namespace{hint}"
        return Verdict(False, Reason.WORKFLOW_NOT_FOUND, message, waiting=True)
    return _against(registry, trigger, workflow)


def _against(registry: Registry, trigger: Trigger, workflow: Mapping[str, Any]) -> Verdict:
    name = trigger.spec.workflow
    startable = parse(_Startable, dict(workflow))
    if not isinstance(startable, _Startable):
        return Verdict(False, Reason.INVALID_SPEC, f"Workflow {name}: {words(startable)}")
    started = {"spec": {"trigger": {"type": trigger.type.key}}}
    if refusal := state_allows(startable.state, started):
        fix = f"set spec.state of Workflow {name} to Active"
        return Verdict(False, refusal.reason, f"spec.workflow: {refusal.message}; {fix}")
    given = trigger.spec.variables or {}
    problems = list(
        given_problems("spec.variables", given, startable.variables, f"Workflow {name}")
    )
    if problems:
        return Verdict(False, Reason.INVALID_VARIABLES, words(problems))
    state = "suspended" if trigger.spec.suspend else "it starts executions"
    return ready(state, registry.advise(trigger))
