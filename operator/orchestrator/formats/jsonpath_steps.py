"""The steps of a JSONPath, and their parser."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

_FIELD = re.compile(r"(?:\\.|[^\\.\[\]\s(){}=!<>'\",@$*])+")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
_SLICE = re.compile(r"\s*(-?\d+)?\s*(:)?\s*(-?\d+)?\s*(:)?\s*(-?\d+)?\s*")
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
T = TypeVar("T")


class Step(Protocol):
    """Maps values to the values of the next level."""

    def take(self, values: Sequence[Any], root: Any) -> Iterator[Any]: ...


@dataclass(frozen=True)
class Fields:
    """The values of these keys, of the first key in all objects before those of the second.

    A key may be a path: kubectl takes `['metadata.name', 'status.phase']`.
    """

    paths: Sequence[Sequence[str]]

    def take(self, values: Sequence[Any], root: Any) -> Iterator[Any]:  # noqa: ARG002
        """Those that exist."""
        for path in self.paths:
            for value in values:
                yield from _walk(value, path)


@dataclass(frozen=True)
class Indexes:
    """Items by index; a negative index counts from the end."""

    numbers: Sequence[int]

    def take(self, values: Sequence[Any], root: Any) -> Iterator[Any]:  # noqa: ARG002
        """Those that exist."""
        for number in self.numbers:
            for value in values:
                if isinstance(value, list) and -len(value) <= number < len(value):
                    yield value[number]


@dataclass(frozen=True)
class Slice:
    """A slice of items."""

    part: slice

    def take(self, values: Sequence[Any], root: Any) -> Iterator[Any]:  # noqa: ARG002
        """Those that exist."""
        for value in values:
            if isinstance(value, list):
                yield from value[self.part]


@dataclass(frozen=True)
class Every:
    """All items, or the values of all keys."""

    def take(self, values: Sequence[Any], root: Any) -> Iterator[Any]:  # noqa: ARG002
        """One after the other."""
        for value in values:
            yield from children(value)


@dataclass(frozen=True)
class Descendants:
    """The value itself and everything nested in it, at any depth."""

    def take(self, values: Sequence[Any], root: Any) -> Iterator[Any]:
        """One after the other, each before what is in it."""
        for value in values:
            yield value
            yield from self.take(children(value), root)


@dataclass(frozen=True)
class Operand:
    """A literal, or a path from the current item or from the root."""

    literal: Any = None
    steps: Sequence[Step] | None = None
    absolute: bool = False

    def values(self, value: Any, root: Any) -> list[Any]:
        """Its values."""
        if self.steps is None:
            return [self.literal]
        found = [root if self.absolute else value]
        for step in self.steps:
            found = list(step.take(found, root))
        return found


@dataclass(frozen=True)
class Filter:
    """The items for which a comparison holds; without a comparison, those that have the named
    field."""

    left: Operand
    operator: str = ""
    right: Operand | None = None

    def take(self, values: Sequence[Any], root: Any) -> Iterator[Any]:
        """Those items."""
        for value in values:
            yield from (item for item in children(value) if self._holds(item, root))

    def _holds(self, item: Any, root: Any) -> bool:
        left = self.left.values(item, root)
        if self.right is None:
            return bool(left)
        right = self.right.values(item, root)
        if not left or not right:
            return False
        try:
            return _OPERATORS[self.operator](left[0], right[0])
        except TypeError:  # numbers and strings have no order
            return False


def _walk(value: Any, path: Sequence[str]) -> Iterator[Any]:
    for key in path:
        if not isinstance(value, dict) or key not in value:
            return
        value = value[key]
    yield value


def children(value: Any) -> list[Any]:
    """The items of a list, or the values of an object."""
    if isinstance(value, list):
        return value
    return list(value.values()) if isinstance(value, dict) else []


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


class Scanner:
    """Parses paths from the beginning of a text. Raises ValueError for an invalid one."""

    def __init__(self, text: str) -> None:
        self.rest = text

    def path(self) -> tuple[bool, list[Step]]:
        """A path, and whether it begins at the root."""
        absolute = self._skip("$")
        if not absolute:
            self._skip("@")
        steps: list[Step] = []
        while self.rest.startswith((".", "[")):
            if self._skip(".."):
                steps.append(Descendants())
                if not self.rest.startswith("["):
                    steps.append(self._field())
            elif self._skip("["):
                steps.append(self._subscript())
            else:
                self._skip(".")
                if self.rest and not self.rest.startswith("["):
                    steps.append(self._field())
        if not steps and self.rest:
            raise ValueError(f"{self.rest!r} is not a path; a path begins with a dot")
        return absolute, steps

    def quoted(self) -> str:
        """A text in single or double quotes."""
        quote, self.rest = self.rest[:1], self.rest[1:]
        letters: list[str] = []
        while self.rest and self.rest[0] != quote:
            letter, self.rest = self.rest[0], self.rest[1:]
            if letter == "\\" and self.rest:
                letter, self.rest = self.rest[0], self.rest[1:]
                letter = _ESCAPES.get(letter, letter)
            letters.append(letter)
        if not self._skip(quote):
            raise ValueError("a quote is not closed")
        return "".join(letters)

    def _field(self) -> Step:
        if self._skip("*"):
            return Every()
        match = _FIELD.match(self.rest)
        if match is None:
            raise ValueError(f"a field is expected before {self.rest!r}")
        self.rest = self.rest[match.end() :]
        return Fields([[_unescaped(match[0])]])

    def _quoted_path(self) -> list[str]:
        """A key in quotes; its dots separate keys unless a backslash precedes them."""
        match = re.match(r"'([^']*)'|\"([^\"]*)\"", self.rest)
        if match is None:
            raise ValueError("a quote is not closed")
        self.rest = self.rest[match.end() :]
        parts = re.findall(r"(?:\\.|[^\\.])+", match[1] or match[2] or "")
        return [_unescaped(part) for part in parts]

    def _subscript(self) -> Step:
        self.rest = self.rest.lstrip()
        if self._skip("*"):
            step: Step = Every()
        elif self._skip("?("):
            step = self._filter()
        elif self.rest[:1] in ("'", '"'):
            step = Fields(self._list(self._quoted_path))
        else:
            step = self._numbers()
        self.rest = self.rest.lstrip()
        if not self._skip("]"):
            raise ValueError(f"] is expected before {self.rest!r}")
        return step

    def _numbers(self) -> Step:
        match = _SLICE.match(self.rest)
        if match is None or not match[0].strip():
            raise ValueError(f"an index is expected before {self.rest!r}")
        first, colon, last, _, step = match.groups()
        if colon:
            self.rest = self.rest[match.end() :]
            if step and int(step) < 1:
                raise ValueError("the step of a slice is at least 1")
            return Slice(
                slice(*(None if part is None else int(part) for part in (first, last, step)))
            )
        return Indexes(self._list(self._integer))

    def _list(self, read: Callable[[], T]) -> list[T]:
        found = [read()]
        self.rest = self.rest.lstrip()
        while self._skip(","):
            self.rest = self.rest.lstrip()
            found.append(read())
            self.rest = self.rest.lstrip()
        return found

    def _integer(self) -> int:
        match = re.match(r"-?\d+", self.rest)
        if match is None:
            raise ValueError(f"an index is expected before {self.rest!r}")
        self.rest = self.rest[match.end() :]
        return int(match[0])

    def _filter(self) -> Filter:
        left = self._operand()
        found = next((sign for sign in _OPERATORS if self.rest.startswith(sign)), "")
        right = None
        if found:
            self._skip(found)
            right = self._operand()
        if not self._skip(")"):
            raise ValueError(f") is expected before {self.rest!r}")
        return Filter(left, found, right)

    def _operand(self) -> Operand:
        self.rest = self.rest.lstrip()
        if self.rest[:1] in ("'", '"'):
            operand = Operand(self.quoted())
        elif match := _NUMBER.match(self.rest):
            self.rest = self.rest[match.end() :]
            operand = Operand(float(match[0]) if set(match[0]) & set(".eE") else int(match[0]))
        elif match := re.match(r"(true|false|null)\b", self.rest):
            self.rest = self.rest[match.end() :]
            operand = Operand({"true": True, "false": False, "null": None}[match[0]])
        else:
            absolute, steps = self.path()
            operand = Operand(steps=steps, absolute=absolute)
        self.rest = self.rest.lstrip()
        return operand

    def _skip(self, text: str) -> bool:
        if not self.rest.startswith(text):
            return False
        self.rest = self.rest[len(text) :]
        return True
