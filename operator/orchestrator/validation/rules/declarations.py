"""Declarations of variables and parameters have consistent defaults and bounds."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.expressions import ExpressionError, check_pattern
from orchestrator.models.base import ValueType
from orchestrator.models.workflow import Value
from orchestrator.validation.problem import Problem, join
from orchestrator.validation.subject import Subject
from orchestrator.validation.values import check_type, check_value

_NUMBERS = (ValueType.INTEGER, ValueType.NUMBER)
_WITH_LENGTH = (ValueType.STRING, ValueType.LIST)

_FIELDS: tuple[tuple[str, str, tuple[ValueType, ...], str], ...] = (
    ("pattern", "pattern", (ValueType.STRING,), "strings"),
    ("minimum", "minimum", _NUMBERS, "integers and numbers"),
    ("maximum", "maximum", _NUMBERS, "integers and numbers"),
    ("minLength", "min_length", _WITH_LENGTH, "strings and lists"),
    ("maxLength", "max_length", _WITH_LENGTH, "strings and lists"),
)


def variables(subject: Subject) -> Iterator[Problem]:
    """Every variable has a consistent declaration, and every secret has a reference."""
    for i, variable in enumerate(subject.spec.variables):
        path = f"spec.variables[{i}]"
        secret = variable.type is ValueType.SECRET
        if secret and variable.secret_key_ref is None:
            yield Problem(path, "a secret needs secretKeyRef: {name: SECRET, key: KEY}")
        if not secret and variable.secret_key_ref is not None:
            yield Problem(
                join(path, "secretKeyRef"), "only a variable of type secret has this field"
            )
        yield from declared(path, variable)


def declared(path: str, value: Value) -> Iterator[Problem]:
    """Bounds match the type and each other; enum and default contain allowed values."""
    if value.type is ValueType.SECRET:
        yield from _secret(path, value)
        return
    wrong = [*_misplaced(path, value), *_pattern(path, value), *_contradictions(path, value)]
    for i, allowed in enumerate(value.enum or []):
        message = check_type(allowed, value.type)
        if message is not None:
            wrong.append(Problem(join(path, "enum", i), message))
    if value.enum == []:
        wrong.append(Problem(join(path, "enum"), "allows no value at all"))
    yield from wrong
    if not wrong and value.default is not None:
        message = check_value(value.default, value)
        if message is not None:
            yield Problem(join(path, "default"), message)


def _secret(path: str, value: Value) -> Iterator[Problem]:
    for field, attribute in (("default", "default"), ("enum", "enum"), *_NAMES):
        if getattr(value, attribute) is not None:
            yield Problem(join(path, field), "the value of a secret cannot be constrained")


_NAMES = tuple((field, attribute) for field, attribute, _, _ in _FIELDS)


def _misplaced(path: str, value: Value) -> Iterator[Problem]:
    for field, attribute, types, plural in _FIELDS:
        if getattr(value, attribute) is not None and value.type not in types:
            yield Problem(join(path, field), f"is for {plural}; this is of type {value.type.value}")


def _pattern(path: str, value: Value) -> Iterator[Problem]:
    if value.pattern is not None:
        try:
            check_pattern(value.pattern)
        except ExpressionError as error:
            yield Problem(join(path, "pattern"), str(error))


def _contradictions(path: str, value: Value) -> Iterator[Problem]:
    bounds = (
        ("minimum", value.minimum, "maximum", value.maximum),
        ("minLength", value.min_length, "maxLength", value.max_length),
    )
    for low, least, high, most in bounds:
        if least is not None and most is not None and least > most:
            yield Problem(join(path, low), f"{least:g} is above {high}, {most:g}")
