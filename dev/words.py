"""Checks that code and documentation use the field's words: one term a concept.

`python -m dev.words [FILE ...]` names each place that uses a word which has a better one. Without
files it reads the package and the documentation.
"""

from __future__ import annotations

import io
import re
import sys
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Term:
    """A word that readers of this field do not expect, and the one that they do."""

    pattern: re.Pattern[str]
    instead: str


def _term(pattern: str, instead: str) -> Term:
    return Term(re.compile(pattern, re.IGNORECASE), instead)


TEXT = (
    _term(r"\blook(?:s|ed|ing)? (?:at|after|again|whether)\b", "reconcile, observe, check, read"),
    _term(r"\b(?:a|one|each|next|last|live) looks?\b", "reconciliation, check, read"),
    _term(r"\bnews\b", "event"),
    _term(r"\b(?:tells?|told)\b", "report, say, notify"),
    _term(r"\bstrays?\b", "orphan"),
    _term(r"\b(?:in|for) company\b|\bbeside the passes\b", "batched, flushed in the background"),
    _term(r"\b(?:some|no|every)body\b", "someone, no one, everyone, or who is meant"),
    _term(r"\banew\b", "again"),
    _term(r"\bmany children\b|\bfanned\b", "child fan-out, fan-out status"),
    _term(r"\bnothing stands before\b", "has no dependencies"),
    _term(r"\b(?:no machine takes|machine takes)\b", "is unschedulable"),
    _term(r"\bpatience\b", "timeout"),
    _term(r"\bonce more\b", "again, requeue, rescan"),
)
"""Of documentation, messages, docstrings and comments."""
LATER_TEXT = (
    _term(r"\bwhoever\b", "any user who, or who is meant"),
    _term(r"\bfor ever\b", "indefinitely, forever"),
    _term(r"\bbereft\b", "without"),
    _term(r"\bdraws? a name\b", "generate a name"),
    _term(r"\bwhat is (?:known|said|asked) of\b", "a noun: state, record, message, request"),
    _term(r"\b(?:the )?reason in words\b", "human-readable details of the reason"),
    _term(r"\bwhatever happened\b", "always"),
    _term(r"\bwhat people see\b", "display name"),
    _term(r"\bthere is no end of\b", "unbounded"),
    _term(r"\bin our words\b", "with its own message"),
    _term(r"\bin sentences\b", "explains"),
    _term(r"\bnothing can be called\b", "cannot be called"),
)
"""As TEXT, but not of docs/decisions, whose content does not change after its date."""
NAMES = (
    _term(r"(?:^|_)(?:look|looks|looked|looked_at)(?:$|_)", "reconcile, check, read"),
    _term(r"(?:^|_)patience(?:$|_)", "timeout"),
    _term(r"(?:^|_)tracked(?:$|_)", "execution state"),
    _term(r"(?:^|_)strays(?:$|_)|^is_stray$", "orphans"),
    _term(r"(?:^|_)news(?:$|_)", "event, observation"),
    _term(r"(?:^|_)(?:looking|acting|admitting)(?:$|_)", "live read, executor, admission"),
    _term(r"(?:^|_)(?:nobody|anew|bereft)(?:$|_)", "no_one, again, without"),
    _term(r"(?-i:^_?(?:MOST|LONGEST|LARGEST)(?:_|$))", "MAX_…, with the unit"),
    _term(r"^(?:around|judged|told)$", "references, result, reported"),
    _term(r"(?:^|_)used_up(?:$|_)|UsedUp", "exhausted"),
)
"""Of identifiers."""
ALLOWED: tuple[tuple[str, str], ...] = ()
"""Places where a word is meant literally: file and the words around it."""


_TEXTS = {tokenize.STRING, tokenize.COMMENT, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}


@dataclass(frozen=True)
class Finding:
    """A place and what to write there."""

    path: str
    line: int
    word: str
    instead: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.word!r}: write {self.instead}"


def findings(path: Path) -> Iterator[Finding]:
    """The words of a file that have better ones."""
    name: str = str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)
    text = path.read_text(encoding="utf-8")
    terms = TEXT if name.startswith("docs/decisions/") else TEXT + LATER_TEXT
    parts = _python(text, terms) if path.suffix == ".py" else _lines(text, terms)
    for line, words, applicable in parts:
        for term in applicable:
            for found in term.pattern.finditer(words):
                if not _is_allowed(name, words):
                    yield Finding(name, line, found[0].strip("_"), term.instead)


def _lines(text: str, terms: Sequence[Term]) -> Iterator[tuple[int, str, Sequence[Term]]]:
    for number, line in enumerate(text.splitlines(), 1):
        yield number, line, terms


def _python(text: str, terms: Sequence[Term]) -> Iterator[tuple[int, str, Sequence[Term]]]:
    """Strings and comments as text, line by line, and names as names."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in _TEXTS:
            for offset, line in enumerate(token.string.splitlines()):
                yield token.start[0] + offset, line, terms
        elif token.type == tokenize.NAME:
            yield token.start[0], token.string, NAMES


def _is_allowed(path: str, words: str) -> bool:
    return any(path == file and phrase in words for file, phrase in ALLOWED)


def files() -> list[Path]:
    """What is read where no file is named."""
    code = (ROOT / "operator" / "orchestrator").rglob("*.py")
    pages = (ROOT / "docs").rglob("*.md")
    return sorted([*code, *pages, ROOT / "README.md", ROOT / "CHANGELOG.md"])


def main(arguments: Sequence[str]) -> int:
    """The exit code: 1 when a word has a better one."""
    paths = [Path(argument).resolve() for argument in arguments] or files()
    found = [finding for path in paths for finding in findings(path)]
    for finding in found:
        print(finding, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
