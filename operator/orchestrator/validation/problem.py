"""A problem that a rule finds: the path of the field, and how to fix it."""

from __future__ import annotations

import re
from dataclasses import dataclass

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")

MAX_PROBLEMS = 50
"""Maximum number of reported problems: more rarely help, and suggesting names costs time."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem of a manifest."""

    path: str
    """The field as the user wrote it, such as spec.nodes[2].with.url."""
    message: str
    """The problem, and how to fix it."""

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


def join(path: str, *steps: str | int) -> str:
    """A path with further keys and indexes; a key that is not a plain word is quoted."""
    for step in steps:
        if isinstance(step, int):
            path += f"[{step}]"
        elif _PLAIN_KEY.fullmatch(step):
            path += f".{step}" if path else step
        else:
            path += f"[{step[:64]!r}]"
    return path


def statement(kind: str, name: str, problem: object) -> str:
    """A problem prefixed with the kind and name of its object."""
    return f"{kind} {name}: {problem}"
