"""The condition of a Trigger: whether it can start executions of its Workflow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from orchestrator.engine.lifecycle.admission import state_allows, words
from orchestrator.engine.status.definitions import Verdict, ready
from orchestrator.models.base import Model
from orchestrator.models.nearest import did_you_mean
from orchestrator.models.reasons import Reason
from orchestrator.models.trigger import TriggerSpec
from orchestrator.models.workflow import Variable, WorkflowState
from orchestrator.triggers.registry import Registry, Trigger
from orchestrator.validation.parse import parse
from orchestrator.validation.problem import Problem
from orchestrator.validation.variables import given_problems


class _Startable(Model):
    """The part of a Workflow's spec that decides whether a trigger can start it."""

    model_config = ConfigDict(extra="ignore")

    state: WorkflowState = WorkflowState.ACTIVE
    variables: Annotated[list[Variable], Field(max_length=100)] = []


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a Trigger cannot start executions of its Workflow."""

    reason: Reason
    problems: tuple[Problem, ...]
    waiting: bool = False
    """Whether another object may still put it right."""


def judge_trigger(
    registry: Registry,
    spec: Mapping[str, Any],
    workflow: Mapping[str, Any] | None,
    others: Iterable[str] = (),
) -> Verdict:
    """Whether the trigger can start executions; the Workflow as in `obstacle`."""
    trigger = registry.read(spec)
    if not isinstance(trigger, Trigger):
        return Verdict(False, Reason.INVALID_SPEC, words(trigger))
    if found := obstacle(trigger.spec, workflow, others):
        return Verdict(False, found.reason, words(list(found.problems)), waiting=found.waiting)
    state = "suspended" if trigger.spec.suspend else "ready to start executions"
    return ready(state, registry.advise(trigger))


def obstacle(
    trigger: TriggerSpec, workflow: Mapping[str, Any] | None, others: Iterable[str] = ()
) -> Obstacle | None:
    """What keeps a valid trigger from starting executions of its Workflow; None if nothing does.

    `workflow` is the spec of that Workflow, None if it does not exist; `others` are the names of
    existing Workflows, of which the message proposes the nearest.
    """
    name = trigger.workflow
    if workflow is None:
        hint = did_you_mean(name, others) or "; apply it, or correct the name"
        message = f"there is no Workflow {name!r} in this namespace{hint}"
        problem = Problem("spec.workflow", message)
        return Obstacle(Reason.WORKFLOW_NOT_FOUND, (problem,), waiting=True)
    startable = parse(_Startable, dict(workflow))
    if not isinstance(startable, _Startable):
        of_workflow = tuple(Problem(f"Workflow {name}", str(each)) for each in startable)
        return Obstacle(Reason.INVALID_SPEC, of_workflow)
    if refusal := state_allows(startable.state, _BY_TRIGGER):
        fix = f"set spec.state of Workflow {name} to Active"
        problem = Problem("spec.workflow", f"{refusal.message}; {fix}")
        return Obstacle(refusal.reason, (problem,))
    given = trigger.variables or {}
    problems = tuple(
        given_problems("spec.variables", given, startable.variables, f"Workflow {name}")
    )
    return Obstacle(Reason.INVALID_VARIABLES, problems) if problems else None


_BY_TRIGGER = {"spec": {"trigger": {"type": ""}}}
"""An execution that a trigger starts, as far as a Workflow's state goes by it."""
