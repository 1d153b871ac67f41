"""The validator of triggers: one type, expressions over event and trigger, durations above zero."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.expressions import Expression, ExpressionError, compile_expression, compile_text
from orchestrator.expressions.text import OPEN
from orchestrator.models.nearest import did_you_mean
from orchestrator.models.trigger import TYPES, TriggerSpec
from orchestrator.validation.places import strings
from orchestrator.validation.problem import MAX_PROBLEMS, Problem
from orchestrator.validation.rules.times import positive
from orchestrator.validation.schedule import schedule_problems

MAX_SOURCE = 16 * 1024
"""Characters of all strings of a trigger that are or hold expressions: all are read at once, and
evaluated for each event."""
_ROOTS = ("event", "trigger")
_ELSEWHERE = {
    "vars": "a Trigger gives a workflow its variables, and reads event and trigger itself",
    "nodes": "no node has started yet; a Trigger reads event and trigger",
    "execution": "what ended is event: write `event.phase`, `event.name` or `event.outputs`",
    "workflow": "the workflow of an execution that ended is `event.workflow`",
    "now": "a slot is `event.scheduledAt`",
    "body": "what was received is event",
    "payload": "what was received is event",
    "github": "what was received is event",
    "null": "null is written none",
}


def validate_trigger(spec: TriggerSpec) -> list[Problem]:
    """What is wrong with a trigger, at most 50 problems."""
    return [*_types(spec), *_expressions(spec), *_durations(spec)][:MAX_PROBLEMS]


def _types(spec: TriggerSpec) -> Iterator[Problem]:
    given = [name for name in TYPES if getattr(spec, name) is not None]
    if len(given) != 1:
        said = f"has {' and '.join(given)}" if given else "says nothing to start on"
        yield Problem("spec", f"{said}; a trigger has exactly one of {', '.join(TYPES)}")
    if spec.schedule is not None:
        for field, words in schedule_problems(spec.schedule):
            yield Problem(f"spec.schedule.{field}", words)


def _expressions(spec: TriggerSpec) -> Iterator[Problem]:
    bare = [("spec.filter", spec.filter), ("spec.payload", spec.payload)]
    bare.append(("spec.dedupe.key", spec.dedupe.key if spec.dedupe else None))
    places = [(path, source, False) for path, source in bare if source is not None]
    places += [(path, text, True) for path, text in strings("spec.variables", spec.variables or {})]
    places = [place for place in places if not place[2] or OPEN in place[1]]
    if (size := sum(len(source) for _, source, _ in places)) > MAX_SOURCE:
        yield Problem("spec", f"has {size:,} characters of expressions; at most {MAX_SOURCE:,}")
        return
    for path, source, text in places:
        try:
            found = compile_text(source).expressions if text else (compile_expression(source),)
        except ExpressionError as error:
            yield Problem(path, str(error))
            continue
        yield from _unknown(path, found)


def _unknown(path: str, found: tuple[Expression, ...]) -> Iterator[Problem]:
    for expression in found:
        for reference in sorted(expression.references):
            if reference[0] not in _ROOTS:
                yield Problem(path, f"there is no {reference[0]!r}{_meant(reference)}")


def _meant(reference: tuple[str, ...]) -> str:
    if near := did_you_mean(reference[0], _ROOTS):
        return near
    if reference[0] in _ELSEWHERE:
        return f"; {_ELSEWHERE[reference[0]]}"
    return "; there is event, trigger"


def _durations(spec: TriggerSpec) -> Iterator[Problem]:
    for path, text in (
        ("spec.dedupe.window", spec.dedupe.window if spec.dedupe else None),
        ("spec.rateLimit.period", spec.rate_limit.period if spec.rate_limit else None),
        ("spec.schedule.jitter", spec.schedule.jitter if spec.schedule else None),
    ):
        if text is not None:
            yield from positive(path, text)
