"""Warnings about valid objects that probably do not do what their author wants.

The command line and the condition of the object show the same messages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain, islice

from orchestrator.expressions import Expression, ExpressionError
from orchestrator.expressions.text import OPEN
from orchestrator.models.base import ValueType
from orchestrator.models.template import TemplateSpec
from orchestrator.models.trigger import TriggerSpec
from orchestrator.models.workflow import Join, Outcome, WorkflowSpec
from orchestrator.validation.expression_fields import ExpressionField, expression_fields, strings
from orchestrator.validation.problem import Problem, join
from orchestrator.validation.rules.references import wrong_reference
from orchestrator.validation.rules.rendering import rendered_fields, wrong_in_template
from orchestrator.validation.subject import Rule, Subject
from orchestrator.validation.suggestions.texts import plain_text, quoted_expression
from orchestrator.validation.trigger import TypeRules

MAX_WARNINGS = 10
"""Maximum number of warnings per object."""
MAX_EXAMINED = 200
"""Maximum number of strings per object that are parsed as if they were expressions."""
_WITHOUT_SUCCESS = (Outcome.FAILED, Outcome.ALWAYS)
_COUNTS = frozenset({"length", "size", "count", "len"})


def advise_workflow(
    spec: WorkflowSpec,
    templates: Mapping[str, TemplateSpec],
    workflows: Mapping[str, WorkflowSpec] | None = None,
) -> list[Problem]:
    """Warnings about a workflow that is valid, at most ten."""
    subject = Subject(spec, templates, workflows or {})
    return list(islice(chain.from_iterable(rule(subject) for rule in RULES), MAX_WARNINGS))


def plain_texts(subject: Subject) -> Iterator[Problem]:
    """A string that looks like an expression is evaluated only inside `$[[ ]]`."""
    for field in islice(filter(_may_be_expression, expression_fields(subject)), MAX_EXAMINED):
        script = field.path.endswith(".with.script")
        message = plain_text(field.source, partial(_resolves, field, subject))
        if message and script:
            message = f"{message.partition(';')[0]}; pass the value in env, and read it as $NAME"
        if message:
            yield Problem(field.path, message)


def _may_be_expression(field: ExpressionField) -> bool:
    source = field.source
    if not field.text or OPEN in source:
        return False
    return "." in source and (
        "{{" in source or "$" in source or "[[" in source or len(source) < 201
    )


def _resolves(field: ExpressionField, subject: Subject, expression: Expression) -> bool:
    source = expression.source
    return not any(
        wrong_reference(reference, field, subject, source) for reference in expression.references
    )


def quoted_expressions(subject: Subject) -> Iterator[Problem]:
    """A string inside an expression contains no expression."""
    for field in expression_fields(subject):
        if field.text or not ("{{" in field.source or OPEN in field.source):
            continue
        if message := quoted_expression(field.source):
            yield Problem(field.path, message)


def keys_of_scalars(subject: Subject) -> Iterator[Problem]:
    """Only objects have keys; a list has items, and a filter gives its length."""
    for field in expression_fields(subject):
        if "vars" not in field.source:
            continue
        try:
            references = {ref for each in field.expressions() for ref in each.references}
        except ExpressionError:
            continue
        for root, *rest in sorted(references):
            variable = subject.variables.get(rest[0]) if root == "vars" and len(rest) > 1 else None
            if variable is None or variable.type in (ValueType.OBJECT, ValueType.SECRET):
                continue
            name = f"vars.{variable.name}"
            hint = f"; for its length write `{name} | length`" if rest[1] in _COUNTS else ""
            message = f"{name} is of type {variable.type.value} and has no key {rest[1]!r}{hint}"
            yield Problem(field.path, message)


def joins_after_handlers(subject: Subject) -> Iterator[Problem]:
    """Where the branch of an error handler meets the normal one, a node needs `join: Any`."""
    incoming: list[list[int]] = [[] for _ in subject.spec.nodes]
    handlers = [0] * len(subject.spec.nodes)
    for edge, source, target in subject.edges:
        incoming[target].append(edge)
        if subject.outcome(edge) is Outcome.FAILED:
            handlers[source] |= 1 << target
    if not any(handlers):
        return
    sources = {edge: source for edge, source, _ in subject.edges}
    for node in subject.order:  # each node after its sources
        for edge in incoming[node]:
            if subject.outcome(edge) not in _WITHOUT_SUCCESS:
                handlers[node] |= handlers[sources[edge]]
    for node, edges in enumerate(incoming):
        if subject.spec.nodes[node].join in (None, Join.ALL) and len(edges) > 1:
            yield from _blocked(node, edges, sources, handlers, subject)


def _blocked(
    node: int,
    edges: list[int],
    sources: Mapping[int, int],
    handlers: list[int],
    subject: Subject,
) -> Iterator[Problem]:
    """A node that a failure blocks although the handler of that failure leads to it."""
    paths = {edge: subject.upstream[sources[edge]] | 1 << sources[edge] for edge in edges}
    for edge in edges:
        source = sources[edge]
        if subject.outcome(edge) in _WITHOUT_SUCCESS:
            continue
        if subject.spec.nodes[source].allow_failure:
            continue
        own = handlers[source] & ~paths[edge]
        other = next((at for at in edges if paths[at] & own and sources[at] != source), None)
        if other is not None:
            names = [subject.spec.nodes[at].name for at in (source, sources[other])]
            message = (
                f"after a failure that {names[1]!r} handles, the edge from {names[0]!r} blocks this"
                " node; to start it on either path, write `join: Any`"
            )
            yield Problem(f"spec.nodes[{node}].join", message)
            return


RULES: tuple[Rule, ...] = (plain_texts, quoted_expressions, keys_of_scalars, joins_after_handlers)
"""All rules for workflows; the most helpful findings come first."""


def advise_template(spec: TemplateSpec) -> list[Problem]:
    """Warnings about a Template that is valid, at most ten."""
    return list(islice(_of_template(spec), MAX_WARNINGS))


def _of_template(spec: TemplateSpec) -> Iterator[Problem]:
    if spec.action is None:
        return
    resolves = _in_template(spec)
    for path, text in islice(rendered_fields(spec.action), MAX_EXAMINED):
        if message := plain_text(text, resolves, "params"):
            yield Problem(path, message)
    script = spec.action.script
    if script is not None and OPEN in script.source:
        message = f"a script is never rendered, so {OPEN} ]] is plain text; read $PARAM_NAME"
        yield Problem("spec.action.script.source", message)


def _in_template(spec: TemplateSpec) -> Callable[[Expression], bool]:
    return lambda each: not any(wrong_in_template(ref, spec) for ref in each.references)


def advise_trigger(spec: TriggerSpec, types: Sequence[TypeRules]) -> list[Problem]:
    """Warnings about a trigger that is valid, at most ten."""
    return list(islice(_of_trigger(spec, types), MAX_WARNINGS))


def _of_trigger(spec: TriggerSpec, types: Sequence[TypeRules]) -> Iterator[Problem]:
    for type_ in types:
        settings = getattr(spec, type_.key)
        if settings is not None:
            yield from type_.advice(f"spec.{type_.key}", settings, spec)
    texts = islice(strings("spec.variables", spec.variables or {}), MAX_EXAMINED)
    for path, text in texts:
        if message := plain_text(text, _in_trigger):
            yield Problem(path, message)
    for field, source in (("filter", spec.filter), ("payload", spec.payload)):
        if source is not None and (message := quoted_expression(source)):
            yield Problem(join("spec", field), message)


def _in_trigger(expression: Expression) -> bool:
    return all(reference[0] in ("event", "trigger") for reference in expression.references)
