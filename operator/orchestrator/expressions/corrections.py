"""What an author probably meant by an invalid expression: the text to write instead.

Authors bring the habits of other languages: `&&` of Go and JavaScript, `${{ }}` of GitHub
Actions, `{{ }}` of Argo Workflows and Ansible, `$( )` of Tekton, `null`, `len(x)`. A correction is
proposed only if it is itself a valid expression. It is computed only for a refused expression, so
valid ones pay nothing; its work is bounded by the length of the source.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

_MAX_SHOWN = 200
"""Characters of a correction; a longer one would fill the message."""
_STRING = re.compile(r"""("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')""")
_DELIMITED = re.compile(r"\$\[\[(.*?)\]\]|\$?\{\{(.*?)\}\}|\$[({]([A-Za-z_][\w.]*)[)}]")
_QUOTES = str.maketrans(
    {"\u201c": '"', "\u201d": '"', "\u201e": '"', "\u2018": "'", "\u2019": "'", "`": "'"}
)
_PLAIN_TEXT = re.compile(r"[A-Z]?[a-z]+(?: [A-Za-z]+){1,20}[.!]?")
"""Prose where an expression is expected."""
_OPERATORS = frozenset({"if", "else", "is", "in", "not", "and", "or"})
_STATEMENTS = "there are no statements, only expressions; a choice is written A if B else C"
_KEYWORD = re.compile(r"[(,]\s*[A-Za-z_]\w*\s*$")
"""What precedes the `=` of a filter's named argument."""
_WORDS_OF = {"eq": "==", "equals": "==", "ne": "!=", "gt": ">", "lt": "<", "ge": ">=", "le": "<="}
_TYPES = {
    "list": "sequence",
    "array": "sequence",
    "dict": "mapping",
    "map": "mapping",
    "object": "mapping",
    "str": "string",
    "int": "integer",
    "bool": "boolean",
}


@dataclass(frozen=True, slots=True)
class _Slip:
    """A pattern in a source outside its strings, and its replacement."""

    pattern: re.Pattern[str]
    instead: str | Callable[[re.Match[str]], str]
    words: str


def _slip(pattern: str, instead: str | Callable[[re.Match[str]], str], words: str) -> _Slip:
    return _Slip(re.compile(pattern), instead, words)


def _equality(match: re.Match[str]) -> str:
    return "=" if _KEYWORD.search(match.string[: match.start()]) else "=="


_NULLS = (
    _slip(
        r"(?<![=!<>])==?\s*undefined\b",
        "is undefined",
        "a missing value is tested by `is defined` or `is undefined`",
    ),
    _slip(
        r"!=\s*undefined\b",
        "is defined",
        "a missing value is tested by `is defined` or `is undefined`",
    ),
    _slip(r"(?<![\w.])(?:null|NULL|Null|nil|NONE)(?![\w.])", "none", "null is written none"),
)
_SLIPS = (
    _slip(r"^\s*(?:if|return)\s+", "", "an expression is a value, not a statement"),
    _slip(r"[;:]\s*$", "", "an expression ends without ; or :"),
    _slip(r"!==|<>", "!=", "inequality is written !="),
    _slip(r"===", "==", "equality is written =="),
    *_NULLS,
    _slip(r"=~", "is matches", "a pattern is tested by `is matches`"),
    _slip(r"(?<![=!<>~])=(?![=~])", _equality, "equality is written =="),
    _slip(r" ?&& ?", " and ", "&& is written and"),
    _slip(r" ?\|\| ?", " or ", "|| is written or"),
    _slip(r"!(?!=) ?", "not ", "! is written not"),
    _slip(
        r"(?<![\w.])(?:AND|OR|NOT)\b",
        lambda match: match[0].lower(),
        "and, or and not are written in lower case",
    ),
    _slip(r"\bis\s+not\s+empty\b", "| length > 0", "an empty value has the length 0"),
    _slip(r"\bis\s+empty\b", "| length == 0", "an empty value has the length 0"),
    _slip(r"\bis\s+not\s+(true|false)\b", r"!= \1", "true and false are compared by == and !="),
    _slip(r"\bis\s+(true|false)\b", r"== \1", "true and false are compared by == and !="),
    _slip(
        rf"\b(is\s+(?:not\s+)?)({'|'.join(_TYPES)})\b",
        lambda match: match[1] + _TYPES[match[2]],
        "the tests of types are none, boolean, integer, number, string, sequence and mapping",
    ),
    _slip(r"\bis\s+(not\s+)?None\b", r"is \1none", "null is written none"),
    _slip(
        rf"(?<!\bis)(?<!\bnot)\s-?({'|'.join(_WORDS_OF)})\s",
        lambda match: f" {_WORDS_OF[match[1]]} ",
        "values are compared by == != < <= > >=",
    ),
    _slip(
        r"(?<!\bis)(?<!\bnot)(?<!\|)\s(contains|startswith|endswith|matches)\s",
        r" is \1 ",
        "a test is written after `is`",
    ),
    _slip(r"\?\.", ".", "a key that may be missing is covered by default()"),
)


def correct(source: str, reads: Callable[[str], bool]) -> str:
    """Why a source is not an expression and what to write instead; empty if unknown."""
    fixed, words = _undelimited(source.translate(_QUOTES))
    if source.translate(_QUOTES) != source:
        words.append("strings take straight quotes")
    parts = _STRING.split(fixed)
    for slip in _SLIPS:
        changed = [slip.pattern.sub(slip.instead, part) for part in parts[::2]]
        if changed != parts[::2]:
            parts[::2] = changed
            words.append(slip.words)
    fixed = "".join(parts)
    for rewrite, meaning in (
        (_choice, "a choice is written A if B else C"),
        (_fallback, "?? is written default()"),
    ):
        if (rewritten := rewrite(fixed)) != fixed:
            fixed = rewritten
            words.append(meaning)
    fixed = fixed.strip()
    if not words and _PLAIN_TEXT.fullmatch(fixed) and not _OPERATORS.intersection(fixed.split()):
        fixed, words = repr(fixed), ["a string is quoted"]
    if not words or not reads(fixed):
        return _STATEMENTS if "{%" in source else ""
    write = f": write `{fixed}`" if len(fixed) <= _MAX_SHOWN else ""
    return f"{'; '.join(dict.fromkeys(words))}{write}"


def write_nulls(source: str) -> str:
    """The source with `null`, `nil` and `undefined` as the language writes them."""
    parts = _STRING.split(source)
    for slip in _NULLS:
        parts[::2] = [slip.pattern.sub(slip.instead, part) for part in parts[::2]]
    return "".join(parts)


def _undelimited(source: str) -> tuple[str, list[str]]:
    """The source without `$[[ ]]` or the delimiters of other languages."""
    bare = _DELIMITED.sub(_inside, source)
    if bare == source:
        return source, []
    return bare, ["this is already an expression and takes no delimiters"]


def _inside(match: re.Match[str]) -> str:
    return "".join(part or "" for part in match.groups()).strip()


def _choice(source: str) -> str:
    """`A ? B : C` as `B if A else C`, if there is exactly one."""
    parts = _split(source, "?")
    if len(parts) != 2:
        return source
    branches = _split(parts[1], ":")
    if len(branches) != 2:
        return source
    return f"{branches[0].strip()} if {parts[0].strip()} else {branches[1].strip()}"


def _fallback(source: str) -> str:
    """`A ?? B` as `A | default(B)`."""
    parts = _split(source, "??")
    return f"{parts[0].strip()} | default({parts[1].strip()})" if len(parts) == 2 else source


def _split(source: str, sign: str) -> list[str]:
    """The parts between an operator, outside strings."""
    parts = [""]
    for at, piece in enumerate(_STRING.split(source)):
        if at % 2:
            parts[-1] += piece
            continue
        first, *others = piece.split(sign)
        parts[-1] += first
        parts.extend(others)
    return parts


_REWRITES = (
    (_choice, "a choice is written A if B else C"),
    (_fallback, "?? is written default()"),
)
