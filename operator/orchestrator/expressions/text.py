"""Strings that contain `$[[ … ]]`, parsed by a scanner, since brackets nest and string literals may
contain `]]`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.expressions.bounds import MAX_DEPTH, MAX_RESULT, to_text
from orchestrator.expressions.budget import afford
from orchestrator.expressions.caching import SourceCache
from orchestrator.expressions.errors import ExpressionError, SecretValue
from orchestrator.expressions.evaluation import Expression, compile_expression

OPEN = "$[["
CLOSE = "]]"
_BRACKETS = {"(": ")", "[": "]", "{": "}"}
_MAX_CACHED = 4096
MAX_EXPRESSIONS = 100
"""Maximum number of expressions in one string, since parsing each takes time."""


@dataclass(frozen=True, slots=True)
class Text:
    """A string, its literal parts and its expressions in order."""

    parts: tuple[str | Expression, ...]

    @property
    def expressions(self) -> tuple[Expression, ...]:
        """The expressions in it."""
        return tuple(part for part in self.parts if isinstance(part, Expression))

    @property
    def references(self) -> frozenset[tuple[str, ...]]:
        """All references of its expressions."""
        return frozenset().union(*(part.references for part in self.expressions))

    @property
    def whole(self) -> Expression | None:
        """The expression, if the string contains nothing else; its value then keeps its type."""
        only = self.parts[0] if len(self.parts) == 1 else None
        return only if isinstance(only, Expression) else None

    def render(self, scope: Mapping[str, Any]) -> Any:
        """The value of a single expression, otherwise a string; may raise ExpressionError."""
        if self.whole is not None:
            return self.whole.evaluate(scope)
        pieces, size = [], 0
        for part in self.parts:
            pieces.append(part if isinstance(part, str) else _in_text(part, scope))
            size += len(pieces[-1])
            if size > MAX_RESULT and len(self.parts) > 1:
                raise ExpressionError(f"the string exceeds {MAX_RESULT // 1024} KiB")
        return "".join(pieces)


def compile_text(text: str) -> Text:
    """Parse the expressions of a string; ExpressionError for an invalid one."""
    if OPEN not in text:
        return Text((text,))
    return _cached(text) if len(text) <= _MAX_CACHED else _compiled(text)


def render(value: Any, scope: Mapping[str, Any]) -> Any:
    """Render every string inside a JSON value; keys are not rendered."""
    return _render(value, scope, 0)


def _render(value: Any, scope: Mapping[str, Any], depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise ExpressionError(f"a value is nested more than {MAX_DEPTH} deep")
    if isinstance(value, str):
        return compile_text(value).render(scope)
    if isinstance(value, Mapping):
        afford(3 * len(value))
        return {key: _render(item, scope, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        afford(3 * len(value))
        return [_render(item, scope, depth + 1) for item in value]
    return value


def _in_text(expression: Expression, scope: Mapping[str, Any]) -> str:
    value = expression.evaluate(scope)
    if isinstance(value, SecretValue):
        raise ExpressionError(
            f"{expression.source.strip()} is a secret: it cannot be part of a string; pass it on"
            " whole, as a parameter of its own"
        )
    return to_text(value)


def _compiled(text: str) -> Text:
    return Text(tuple(_merged(_split(text))))


def _weight(text: Text) -> int:
    """Memory in syntax nodes; 100 characters of up to 4 bytes count as one."""
    literal = sum(len(part) for part in text.parts if isinstance(part, str))
    return 1 + literal // 100 + sum(expression.weight for expression in text.expressions)


_cached = SourceCache(_compiled, _weight)


def _merged(parts: Iterator[str | Expression]) -> Iterator[str | Expression]:
    """Merge adjacent literals and drop empty ones."""
    literal = ""
    for part in parts:
        if isinstance(part, str):
            literal += part
            continue
        if literal:
            yield literal
        literal = ""
        yield part
    if literal:
        yield literal


def _split(text: str) -> Iterator[str | Expression]:
    position = count = 0
    while (start := text.find(OPEN, position)) >= 0:
        if start > position and text[start - 1] == "$":
            yield text[position : start - 1] + OPEN
            position = start + len(OPEN)
            continue
        count += 1
        if count > MAX_EXPRESSIONS:
            raise ExpressionError(f"a string has at most {MAX_EXPRESSIONS} expressions")
        yield text[position:start]
        end = _end(text, start + len(OPEN))
        yield compile_expression(text[start + len(OPEN) : end].strip())
        position = end + len(CLOSE)
    yield text[position:]


def _end(text: str, start: int) -> int:
    """The position of the `]]` that closes the expression that begins at `start`."""
    open_brackets: list[str] = []
    quote = ""
    position = start
    while position < len(text):
        character = text[position]
        if quote:
            if character == "\\":
                position += 1
            elif character == quote:
                quote = ""
        elif character in "'\"":
            quote = character
        elif character in _BRACKETS:
            open_brackets.append(_BRACKETS[character])
        elif open_brackets and character == open_brackets[-1]:
            open_brackets.pop()
        elif not open_brackets and text.startswith(CLOSE, position):
            return position
        position += 1
    raise ExpressionError(
        f"{OPEN} at character {start - len(OPEN) + 1} has no {CLOSE} that closes it;"
        f" for a literal {OPEN} write ${OPEN}"
    )
