"""Text computed from an invalid string, by the API server in CEL and by the validator in Python.

A message is written once: `cel` is the `messageExpression` of a rule of the schema, and the
validator calls `of`. This module has only functions that exist in both languages, and supports only
regular expressions with the same meaning in RE2 and `re`.

There are no variables: before it accepts a schema, the API server estimates the cost of an
expression from the `maxLength` of the string, and older versions do not know the length of a value
that is bound to a variable.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Text:
    """A text computed from a string."""

    cel: str
    """The CEL expression, in which the string is `self`."""
    of: Callable[[str], str]
    """The Python function, from the string to the text."""

    def __add__(self, other: Text | str) -> Text:
        right = text(other)
        return Text(f"{self.cel} + {right.cel}", lambda value: self.of(value) + right.of(value))

    def __radd__(self, other: str) -> Text:
        return text(other) + self


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition on a string."""

    cel: str
    holds: Callable[[str], bool]


SELF = Text("self", str)
"""The string itself."""


def text(constant: Text | str) -> Text:
    """A constant text."""
    if isinstance(constant, Text):
        return constant
    return Text(literal(constant), lambda _: constant)


def literal(constant: str) -> str:
    """A string literal of CEL."""
    return json.dumps(constant)


def lowered(of: Text) -> Text:
    """The text with its ASCII letters in lower case."""
    return Text(f"{_operand(of)}.lowerAscii()", lambda value: _ascii(of.of(value), str.lower))


def uppered(of: Text) -> Text:
    """The text with its ASCII letters in upper case."""
    return Text(f"{_operand(of)}.upperAscii()", lambda value: _ascii(of.of(value), str.upper))


def replaced(of: Text, old: str, new: str) -> Text:
    """The text with each `old` replaced."""
    cel = f"{_operand(of)}.replace({literal(old)}, {literal(new)})"
    return Text(cel, lambda value: of.of(value).replace(old, new))


def without(of: Text, *parts: str) -> Text:
    """The text without these parts."""
    for part in parts:
        of = replaced(of, part, "")
    return of


def rest(of: Text) -> Text:
    """The text without its first character, which it must have."""
    return Text(f"{_operand(of)}.substring(1)", lambda value: of.of(value)[1:])


def first_match(of: Text, pattern: str) -> Text:
    """The first match of the pattern, or an empty text."""
    regex = re.compile(pattern)

    def first(value: str) -> str:
        match = regex.search(of.of(value))
        return match[0] if match else ""

    return Text(f"{_operand(of)}.find({literal(pattern)})", first)


def multiplied(of: Text, by: int) -> Text:
    """A number in digits, multiplied; only for `formatted`, because its length is unknown."""
    return Text(f"string(int({of.cel}) * {by})", lambda value: str(int(of.of(value)) * by))


def formatted(template: str, *texts: Text) -> Text:
    """The template with each `%s` replaced; must be a whole message, because its length is
    unknown."""
    arguments = ", ".join(each.cel for each in texts)
    return Text(
        f"{literal(template)}.format([{arguments}])",
        lambda value: template % tuple(each.of(value) for each in texts),
    )


def matches(of: Text, pattern: str) -> Condition:
    """Whether the whole text matches."""
    regex = re.compile(pattern)
    whole = literal(f"^({pattern})$")
    return Condition(
        f"{_operand(of)}.matches({whole})",
        lambda value: regex.fullmatch(of.of(value)) is not None,
    )


def contains(of: Text, pattern: str) -> Condition:
    """Whether part of the text matches."""
    regex = re.compile(pattern)
    return Condition(
        f"{_operand(of)}.matches({literal(pattern)})",
        lambda value: regex.search(of.of(value)) is not None,
    )


def choose(*cases: tuple[Condition, Text | str], otherwise: Text | str) -> Text:
    """The text of the first condition that holds."""
    chosen = text(otherwise)
    for condition, then in reversed(cases):
        chosen = _either(condition, text(then), chosen)
    return chosen


def _either(condition: Condition, yes: Text, no: Text) -> Text:
    return Text(
        f"({condition.cel} ? {yes.cel} : {no.cel})",
        lambda value: yes.of(value) if condition.holds(value) else no.of(value),
    )


def _operand(of: Text) -> str:
    """The text as the target of a method."""
    return f"({of.cel})" if " + " in of.cel else of.cel


def _ascii(value: str, change: Callable[[str], str]) -> str:
    return "".join(change(letter) if letter.isascii() else letter for letter in value)
