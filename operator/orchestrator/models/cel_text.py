"""Text computed from a refused string, by the API server in CEL and by the validator in Python.

A message is written once: its `cel` is the `messageExpression` of a schema's rule, its `of` is what
the validator calls. Only functions that both languages have are here, and only regular expressions
that RE2 and `re` read alike.

There are no variables: the API server bounds the cost of an expression from the `maxLength` of the
string before it accepts the schema, and older ones know no length of a value bound to a name.
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
    """As CEL, in which the string is `self`."""
    of: Callable[[str], str]
    """The text for a string."""

    def __add__(self, other: Text | str) -> Text:
        right = text(other)
        return Text(f"{self.cel} + {right.cel}", lambda given: self.of(given) + right.of(given))

    def __radd__(self, other: str) -> Text:
        return text(other) + self


@dataclass(frozen=True, slots=True)
class Condition:
    """What holds for some strings."""

    cel: str
    holds: Callable[[str], bool]


SELF = Text("self", str)
"""The string itself."""


def text(constant: Text | str) -> Text:
    """The same text for every string."""
    if isinstance(constant, Text):
        return constant
    return Text(literal(constant), lambda _: constant)


def literal(constant: str) -> str:
    """A string of CEL."""
    return json.dumps(constant)


def lowered(of: Text) -> Text:
    """The text with its ASCII letters in lower case."""
    return Text(f"{_operand(of)}.lowerAscii()", lambda given: _ascii(of.of(given), str.lower))


def uppered(of: Text) -> Text:
    """The text with its ASCII letters in upper case."""
    return Text(f"{_operand(of)}.upperAscii()", lambda given: _ascii(of.of(given), str.upper))


def replaced(of: Text, old: str, new: str) -> Text:
    """The text with each `old` replaced."""
    cel = f"{_operand(of)}.replace({literal(old)}, {literal(new)})"
    return Text(cel, lambda given: of.of(given).replace(old, new))


def without(of: Text, *parts: str) -> Text:
    """The text without these parts."""
    for part in parts:
        of = replaced(of, part, "")
    return of


def rest(of: Text) -> Text:
    """The text without its first character, which it must have."""
    return Text(f"{_operand(of)}.substring(1)", lambda given: of.of(given)[1:])


def found(of: Text, pattern: str) -> Text:
    """The first match of the pattern, or nothing."""
    regex = re.compile(pattern)

    def first(given: str) -> str:
        match = regex.search(of.of(given))
        return match[0] if match else ""

    return Text(f"{_operand(of)}.find({literal(pattern)})", first)


def multiplied(of: Text, by: int) -> Text:
    """A text of digits as the number multiplied, for `formatted`: its length is not known."""
    return Text(f"string(int({of.cel}) * {by})", lambda given: str(int(of.of(given)) * by))


def formatted(template: str, *texts: Text) -> Text:
    """The template with each `%s` replaced; as its length is not known, it is a whole message."""
    arguments = ", ".join(each.cel for each in texts)
    return Text(
        f"{literal(template)}.format([{arguments}])",
        lambda given: template % tuple(each.of(given) for each in texts),
    )


def matches(of: Text, pattern: str) -> Condition:
    """Whether the whole text matches."""
    regex = re.compile(pattern)
    whole = literal(f"^({pattern})$")
    return Condition(
        f"{_operand(of)}.matches({whole})",
        lambda given: regex.fullmatch(of.of(given)) is not None,
    )


def contains(of: Text, pattern: str) -> Condition:
    """Whether part of the text matches."""
    regex = re.compile(pattern)
    return Condition(
        f"{_operand(of)}.matches({literal(pattern)})",
        lambda given: regex.search(of.of(given)) is not None,
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
        lambda given: yes.of(given) if condition.holds(given) else no.of(given),
    )


def _operand(of: Text) -> str:
    """The text as the target of a method."""
    return f"({of.cel})" if " + " in of.cel else of.cel


def _ascii(given: str, change: Callable[[str], str]) -> str:
    return "".join(change(letter) if letter.isascii() else letter for letter in given)
