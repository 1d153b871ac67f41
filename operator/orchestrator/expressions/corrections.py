"""Suggests corrections of invalid expressions.

Authors use the syntax of other languages: `&&` of Go and JavaScript, `${{ }}` of GitHub Actions,
`{{ }}` of Argo Workflows and Ansible, `$( )` of Tekton, `null`, `len(x)`. A correction is suggested
only if it is a valid expression. It is computed only for an invalid expression, so valid ones have
no extra cost; its work is bounded by the length of the source.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

_MAX_SHOWN = 200
"""Maximum length of a correction; a longer one would fill the message."""
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
"""The text before the `=` of a filter's named argument."""
_WORD_OPERATORS = {
    "eq": "==",
    "equals": "==",
    "ne": "!=",
    "gt": ">",
    "lt": "<",
    "ge": ">=",
    "le": "<=",
}
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
class _Mistake:
    """A pattern in a source, outside its strings, with its replacement and an explanation."""

    pattern: re.Pattern[str]
    instead: str | Callable[[re.Match[str]], str]
    explanation: str


def _mistake(
    pattern: str, instead: str | Callable[[re.Match[str]], str], explanation: str
) -> _Mistake:
    return _Mistake(re.compile(pattern), instead, explanation)


def _equality(match: re.Match[str]) -> str:
    return "=" if _KEYWORD.search(match.string[: match.start()]) else "=="


_NULLS = (
    _mistake(
        r"(?<![=!<>])==?\s*undefined\b",
        "is undefined",
        "a missing value is tested by `is defined` or `is undefined`",
    ),
    _mistake(
        r"!=\s*undefined\b",
        "is defined",
        "a missing value is tested by `is defined` or `is undefined`",
    ),
    _mistake(r"(?<![\w.])(?:null|NULL|Null|nil|NONE)(?![\w.])", "none", "null is written none"),
)
_MISTAKES = (
    _mistake(r"^\s*(?:if|return)\s+", "", "an expression is a value, not a statement"),
    _mistake(r"[;:]\s*$", "", "an expression ends without ; or :"),
    _mistake(r"!==|<>", "!=", "inequality is written !="),
    _mistake(r"===", "==", "equality is written =="),
    *_NULLS,
    _mistake(r"=~", "is matches", "a pattern is tested by `is matches`"),
    _mistake(r"(?<![=!<>~])=(?![=~])", _equality, "equality is written =="),
    _mistake(r" ?&& ?", " and ", "&& is written and"),
    _mistake(r" ?\|\| ?", " or ", "|| is written or"),
    _mistake(r"!(?!=) ?", "not ", "! is written not"),
    _mistake(
        r"(?<![\w.])(?:AND|OR|NOT)\b",
        lambda match: match[0].lower(),
        "and, or and not are written in lower case",
    ),
    _mistake(r"\bis\s+not\s+empty\b", "| length > 0", "an empty value has the length 0"),
    _mistake(r"\bis\s+empty\b", "| length == 0", "an empty value has the length 0"),
    _mistake(r"\bis\s+not\s+(true|false)\b", r"!= \1", "true and false are compared by == and !="),
    _mistake(r"\bis\s+(true|false)\b", r"== \1", "true and false are compared by == and !="),
    _mistake(
        rf"\b(is\s+(?:not\s+)?)({'|'.join(_TYPES)})\b",
        lambda match: match[1] + _TYPES[match[2]],
        "the tests of types are none, boolean, integer, number, string, sequence and mapping",
    ),
    _mistake(r"\bis\s+(not\s+)?None\b", r"is \1none", "null is written none"),
    _mistake(
        rf"(?<!\bis)(?<!\bnot)\s-?({'|'.join(_WORD_OPERATORS)})\s",
        lambda match: f" {_WORD_OPERATORS[match[1]]} ",
        "values are compared by == != < <= > >=",
    ),
    _mistake(
        r"(?<!\bis)(?<!\bnot)(?<!\|)\s(contains|startswith|endswith|matches)\s",
        r" is \1 ",
        "a test is written after `is`",
    ),
    _mistake(r"\?\.", ".", "a key that may be missing is covered by default()"),
)


def correct(source: str, is_valid: Callable[[str], bool]) -> str:
    """The explanation of an invalid source and its correction; empty if unknown."""
    fixed, explanation = _undelimited(source.translate(_QUOTES))
    if source.translate(_QUOTES) != source:
        explanation.append("strings take straight quotes")
    parts = _STRING.split(fixed)
    for mistake in _MISTAKES:
        changed = [mistake.pattern.sub(mistake.instead, part) for part in parts[::2]]
        if changed != parts[::2]:
            parts[::2] = changed
            explanation.append(mistake.explanation)
    fixed = "".join(parts)
    for rewrite, meaning in _REWRITES:
        if (rewritten := rewrite(fixed)) != fixed:
            fixed = rewritten
            explanation.append(meaning)
    fixed = fixed.strip()
    if (
        not explanation
        and _PLAIN_TEXT.fullmatch(fixed)
        and not _OPERATORS.intersection(fixed.split())
    ):
        fixed, explanation = repr(fixed), ["a string is quoted"]
    if not explanation or not is_valid(fixed):
        return _STATEMENTS if "{%" in source else ""
    write = f": write `{fixed}`" if len(fixed) <= _MAX_SHOWN else ""
    return f"{'; '.join(dict.fromkeys(explanation))}{write}"


def write_nulls(source: str) -> str:
    """The source with `null`, `nil` and `undefined` in the syntax of the language."""
    parts = _STRING.split(source)
    for mistake in _NULLS:
        parts[::2] = [mistake.pattern.sub(mistake.instead, part) for part in parts[::2]]
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
