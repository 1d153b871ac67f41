"""JSONPath templates in kubectl's syntax: text, and expressions in braces.

The language is that of https://kubernetes.io/docs/reference/kubectl/jsonpath/: `{.items[*].spec}`,
`{..name}`, `['a','b']`, slices, filters such as `[?(@.phase=="Failed")]`, `{range .items[*]}` with
`{end}`, and quoted text. Unlike kubectl, an absent field prints nothing, wherever it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.formats.jsonpath_steps import Scanner, Step


class JsonPathError(ValueError):
    """The template is invalid; the message says why and what would be right."""


@dataclass(frozen=True)
class Text:
    """Printed as it is."""

    text: str

    def expand(self, here: Any, root: Any) -> Iterator[str]:  # noqa: ARG002
        """The text."""
        yield self.text


@dataclass(frozen=True)
class Path:
    """The values that its steps lead to, separated by spaces."""

    steps: Sequence[Step]
    absolute: bool

    def values(self, here: Any, root: Any) -> list[Any]:
        """The values at the path, relative to the current value, or to the root if it begins with
        `$`."""
        found = [root if self.absolute else here]
        for step in self.steps:
            found = list(step.take(found, root))
        return found

    def expand(self, here: Any, root: Any) -> Iterator[str]:
        """The values as text."""
        yield " ".join(map(as_text, self.values(here, root)))


@dataclass(frozen=True)
class Range:
    """Its parts once for each value of its path."""

    path: Path
    parts: Sequence[Part]

    def expand(self, here: Any, root: Any) -> Iterator[str]:
        """The parts, from each value."""
        for value in self.path.values(here, root):
            for part in self.parts:
                yield from part.expand(value, root)


Part = Text | Path | Range


@dataclass(frozen=True)
class Template:
    """A parsed template."""

    parts: Sequence[Part]

    def expand(self, value: Any) -> str:
        """The template expanded for a value."""
        return "".join(text for part in self.parts for text in part.expand(value, value))


def as_text(value: Any) -> str:
    """A value as a template prints it: strings unquoted, all else as compact JSON."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def read_path(text: str) -> Path:
    """One path, with or without braces, as `--sort-by` takes it. Raises JsonPathError."""
    inner = text.strip()
    if inner.startswith("{") and inner.endswith("}"):
        inner = inner[1:-1].strip()
    if not inner.startswith((".", "[", "$", "@")):
        inner = f".{inner}"
    return _path(inner, text)


def read_template(text: str) -> Template:
    """A whole template; without braces it is one expression. Raises JsonPathError."""
    if "{" not in text:
        return Template([read_path(text)])
    open_ranges: list[tuple[Path, list[Part]]] = []
    parts: list[Part] = []
    for literal, inner in _split(text):
        words = inner.strip()
        if literal:
            parts.append(Text(inner))
        elif words[:1] in ("'", '"'):
            parts.append(Text(_quoted(words, text)))
        elif words.startswith("range ") or words == "range":
            open_ranges.append((_path(words[5:].strip(), text), parts))
            parts = []
        elif words == "end":
            if not open_ranges:
                raise _wrong(text, "{end} without {range …}")
            path, before = open_ranges.pop()
            parts = [*before, Range(path, parts)]
        else:
            parts.append(_path(words, text))
    if open_ranges:
        raise _wrong(text, "{range …} without {end}")
    return Template(parts)


def _split(text: str) -> Iterator[tuple[bool, str]]:
    """The text outside of braces (True), and the expressions inside."""
    at = 0
    while at < len(text):
        begin = text.find("{", at)
        if begin < 0:
            yield True, text[at:]
            return
        if begin > at:
            yield True, text[at:begin]
        end = _closing(text, begin)
        yield False, text[begin + 1 : end]
        at = end + 1


def _closing(text: str, begin: int) -> int:
    """The end of the expression that begins here; a brace in quotes is text."""
    quote = ""
    at = begin + 1
    while at < len(text):
        letter = text[at]
        if quote and letter == "\\":
            at += 1
        elif quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter == "}":
            return at
        at += 1
    raise _wrong(text, "{ without }")


def _quoted(words: str, text: str) -> str:
    scanner = Scanner(words)
    try:
        value = scanner.quoted()
    except ValueError as error:
        raise _wrong(text, str(error)) from error
    if scanner.rest.strip():
        raise _wrong(text, f"{scanner.rest.strip()!r} after a quoted text")
    return value


def _path(words: str, text: str) -> Path:
    scanner = Scanner(words)
    try:
        absolute, steps = scanner.path()
    except ValueError as error:
        raise _wrong(text, str(error)) from error
    if scanner.rest.strip():
        raise _wrong(text, f"unexpected {scanner.rest.strip()!r}")
    return Path(steps, absolute)


def _wrong(text: str, why: str) -> JsonPathError:
    return JsonPathError(f"jsonpath {text}: {why}; write a template such as '{{.status.phase}}'")
