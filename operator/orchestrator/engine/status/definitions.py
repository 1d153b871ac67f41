"""The conditions of a Workflow or Template: valid, waiting or refused, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.engine.lifecycle.admission import (
    NOTHING_KNOWN,
    Missing,
    Prepared,
    Refusal,
    prepare,
    words,
)
from orchestrator.engine.status.conditions import condition
from orchestrator.models.reasons import Reason
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
