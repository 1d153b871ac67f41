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
from orchestrator.triggers.sources import Listener, Requests
from orchestrator.validation.parse import parse
from orchestrator.validation.problem import Problem
from orchestrator.validation.variables import variable_problems


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


RECEIVING = "Receiving"
"""The condition that the receiver writes: whether it takes the trigger's events."""


@dataclass(frozen=True, slots=True)
class Access:
    """Whether the API server lets the operator follow what a trigger listens to."""

    known: bool = False
    """Whether the operator has asked since it started."""
    reason: Reason = Reason.VALID
    message: str = ""
    """Why not, and what to do; empty if it does."""


def judge_trigger(
    registry: Registry,
    spec: Mapping[str, Any],
    workflow: Mapping[str, Any] | None,
    others: Iterable[str] = (),
    receiving: Mapping[str, Any] | None = None,
    access: Access | None = None,
) -> Verdict:
    """Whether the trigger can start executions; the Workflow as in `obstacle`.

    `receiving` is the receiver's condition about this generation, None if there is none.
    """
    trigger = registry.read(spec)
    if not isinstance(trigger, Trigger):
        return Verdict(False, Reason.INVALID_SPEC, words(trigger))
    if found := obstacle(trigger.spec, workflow, others):
        return Verdict(False, found.reason, words(list(found.problems)), waiting=found.waiting)
    if is_received(trigger) and (verdict := _unreceived(receiving)):
        return verdict
    if access is not None and access.message:
        return Verdict(False, access.reason, access.message, waiting=True)
    state = "suspended" if trigger.spec.suspend else "ready to start executions"
    return ready(state, registry.advise(trigger))


def is_received(trigger: Trigger) -> bool:
    """Whether the receiver takes the trigger's events."""
    return isinstance(trigger.type.source, Requests | Listener)


def _unreceived(receiving: Mapping[str, Any] | None) -> Verdict | None:
    """Why the receiver does not take its events; None if it does."""
    if receiving is None:
        message = "no receiver has taken it up; is the receiver installed?"
        return Verdict(False, Reason.NOT_RECEIVED, message, waiting=True)
    if receiving.get("status") == "True":
        return None
    given = receiving.get("reason")
    reason = next((each for each in Reason if each == given), Reason.NOT_RECEIVED)
    return Verdict(False, reason, str(receiving.get("message", "")), waiting=True)


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
        variable_problems("spec.variables", given, startable.variables, f"Workflow {name}")
    )
    return Obstacle(Reason.INVALID_VARIABLES, problems) if problems else None


def refusal_of_state(name: str, workflow: Mapping[str, Any]) -> str:
    """Why the state of a Workflow, given its spec, lets no trigger start it; empty if it does."""
    startable = parse(_Startable, dict(workflow))
    if not isinstance(startable, _Startable):
        return ""  # its executions say what is wrong
    refusal = state_allows(startable.state, _BY_TRIGGER)
    return "" if refusal is None else f"Workflow {name}: {refusal.message}"


_BY_TRIGGER = {"spec": {"trigger": {"type": ""}}}
"""An execution that a trigger starts, as far as a Workflow's state goes by it."""
