"""The conditions of a Workflow or Template: valid, waiting or refused, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.engine.decisions import Announce
from orchestrator.engine.lifecycle.admission import (
    NOTHING_KNOWN,
    Missing,
    Prepared,
    Refusal,
    prepare,
    words,
)
from orchestrator.engine.status.conditions import condition
from orchestrator.models.reasons import EventReason, Reason
from orchestrator.models.template import TemplateSpec
from orchestrator.validation.advice import advise_template, advise_workflow
from orchestrator.validation.missing import Known
from orchestrator.validation.parse import parse
from orchestrator.validation.problem import Problem
from orchestrator.validation.template import validate_template


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether it is ready; if not, whether it may become so when other objects change."""

    ready: bool
    reason: Reason
    message: str
    waiting: bool = False


def judge_workflow(
    name: str,
    spec: Mapping[str, Any],
    templates: Mapping[str, Mapping[str, Any] | None],
    runner_image: str,
    workflows: Mapping[str, Mapping[str, Any] | None] | None = None,
    known: Known = NOTHING_KNOWN,
) -> Verdict:
    """The result that an execution of it would have, with the same message, and warnings."""
    match prepare(name, spec, templates, runner_image, workflows, known):
        case Prepared(graph=graph):
            return ready("it can be run", advise_workflow(graph.spec, {}))
        case Missing(reason, message):
            return Verdict(False, reason, message, waiting=True)
        case Refusal(reason=reason, message=message):
            return Verdict(False, reason, message)


def judge_template(spec: Mapping[str, Any]) -> Verdict:
    """Whether nodes can use the Template."""
    parsed = parse(TemplateSpec, dict(spec))
    problems = validate_template(parsed) if isinstance(parsed, TemplateSpec) else parsed
    if problems:
        return Verdict(False, Reason.INVALID_SPEC, words(problems))
    warnings = advise_template(parsed) if isinstance(parsed, TemplateSpec) else []
    return ready("it can be used", warnings)


def ready(state: str, warnings: Sequence[Problem]) -> Verdict:
    """Ready, with the warnings that `orchestrator lint` prints."""
    return Verdict(True, Reason.VALID, "; ".join((state, *(f"warning: {one}" for one in warnings))))


def definition_conditions(
    verdict: Verdict, generation: int, now: float, old: Sequence[Mapping[str, Any]] = ()
) -> list[dict[str, Any]]:
    """Ready, Reconciling and Stalled, by the rules of kstatus."""
    states = {
        "Ready": verdict.ready,
        "Reconciling": verdict.waiting,
        "Stalled": not verdict.ready and not verdict.waiting,
    }
    return [
        condition(kind, holds, verdict.reason, verdict.message, generation, now, old)
        for kind, holds in states.items()
    ]


def readiness_announced(
    old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]
) -> Announce | None:
    """The Event about a change of the conditions; None if the change is not worth one.

    A new object that is ready is not, nor is one that waits for others, which may be applied after
    it.
    """
    before, after = _found("Ready", old), _found("Ready", new)
    was_ready, waits = before.get("status") == "True", _found("Reconciling", new)
    if not after or all(before.get(key) == after.get(key) for key in ("status", "message")):
        return None
    if after["status"] == "True":
        unready = bool(before) and not was_ready
        return Announce(EventReason.BECAME_READY, after["message"]) if unready else None
    if not was_ready and waits.get("status") == "True":
        return None
    return Announce(EventReason.NOT_READY, f"{after['reason']}: {after['message']}")


def _found(kind: str, conditions: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    return next((each for each in conditions if each.get("type") == kind), {})
