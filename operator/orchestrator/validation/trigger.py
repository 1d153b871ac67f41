"""The validator of triggers: one type, valid references to event and trigger, valid durations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol

from pydantic import BaseModel

from orchestrator.expressions import Expression, ExpressionError, compile_expression, compile_text
from orchestrator.expressions.text import OPEN
from orchestrator.models.exactly_one import ExactlyOne
from orchestrator.models.nearest import did_you_mean
from orchestrator.models.trigger import TriggerSpec
from orchestrator.validation.event_fields import unknown_field
from orchestrator.validation.expression_fields import strings
from orchestrator.validation.problem import MAX_PROBLEMS, Problem
from orchestrator.validation.rules.references import unknown_key
from orchestrator.validation.rules.times import positive

MAX_SOURCE = 16 * 1024
"""Maximum total length of a trigger's expressions: all are evaluated for each event."""
_ROOTS = ("event", "trigger")
_ELSEWHERE = {
    "vars": "a Trigger sets the variables of a workflow, and reads event and trigger itself",
    "nodes": "no node has started yet; a Trigger reads event and trigger",
    "execution": "the execution is event: write `event.phase`, `event.name` or `event.outputs`",
    "workflow": "the workflow of an execution that ended is `event.workflow`",
    "now": "a slot is `event.scheduledAt`",
    "body": "the received data is event",
    "payload": "the received data is event",
    "github": "the received data is event",
    "null": "null is written none",
}
_TRIGGER = ("name", "namespace")
Event = type[BaseModel] | None
"""The schema of the event; None if the type is unknown."""


class TypeRules(Protocol):
    """The part of a trigger type that validation reads."""

    @property
    def key(self) -> str:
        """The field of spec for its settings."""

    @property
    def event(self) -> type[BaseModel]:
        """The schema of its event."""

    @property
    def problems(self) -> Callable[[str, Any], Iterable[Problem]]:
        """Problems of settings at a path."""

    @property
    def advice(self) -> Callable[[str, Any, TriggerSpec], Iterable[Problem]]:
        """Warnings about settings at a path, and what the trigger makes of the events."""


def validate_trigger(spec: TriggerSpec, types: Sequence[TypeRules]) -> list[Problem]:
    """Problems of a trigger of one of these types, at most 50."""
    present = [type_ for type_ in types if getattr(spec, type_.key) is not None]
    event = present[0].event if len(present) == 1 else None
    problems = [*_types(spec, present, types), *_expressions(spec, event), *_durations(spec)]
    return problems[:MAX_PROBLEMS]


def _types(
    spec: TriggerSpec, present: Sequence[TypeRules], types: Sequence[TypeRules]
) -> Iterator[Problem]:
    if len(present) != 1:
        known = ExactlyOne("a trigger", tuple(type_.key for type_ in types))
        yield Problem("spec", known.message([type_.key for type_ in present]))
    for type_ in present:
        yield from type_.problems(f"spec.{type_.key}", getattr(spec, type_.key))


def _expressions(spec: TriggerSpec, event: Event) -> Iterator[Problem]:
    bare = [("spec.filter", spec.filter), ("spec.payload", spec.payload)]
    bare.append(("spec.dedupe.key", spec.dedupe.key if spec.dedupe else None))
    fields = [(path, source, False) for path, source in bare if source is not None]
    fields += [(path, text, True) for path, text in strings("spec.variables", spec.variables or {})]
    fields = [field for field in fields if not field[2] or OPEN in field[1]]
    if (size := sum(len(source) for _, source, _ in fields)) > MAX_SOURCE:
        yield Problem("spec", f"has {size:,} characters of expressions; at most {MAX_SOURCE:,}")
        return
    for path, source, text in fields:
        try:
            parsed = compile_text(source).expressions if text else (compile_expression(source),)
        except ExpressionError as error:
            yield Problem(path, str(error))
            continue
        yield from _unknown_references(path, parsed, event)


def _unknown_references(
    path: str, expressions: Sequence[Expression], event: Event
) -> Iterator[Problem]:
    for reference in sorted(set().union(*(each.references for each in expressions))):
        match reference[0]:
            case "event":
                wrong = None if event is None else unknown_field(reference, event)
            case "trigger":
                wrong = unknown_key("trigger", reference[1:], _TRIGGER)
            case root:
                wrong = f"there is no {root!r}{_suggestion(root)}"
        if wrong is not None:
            yield Problem(path, wrong)


def _suggestion(root: str) -> str:
    if near := did_you_mean(root, _ROOTS):
        return near
    return f"; {_ELSEWHERE[root]}" if root in _ELSEWHERE else "; there is event, trigger"


def _durations(spec: TriggerSpec) -> Iterator[Problem]:
    for path, text in (
        ("spec.dedupe.window", spec.dedupe.window if spec.dedupe else None),
        ("spec.rateLimit.period", spec.rate_limit.period if spec.rate_limit else None),
        ("spec.cooldown", spec.cooldown),
    ):
        if text is not None:
            yield from positive(path, text)
