"""The places of executions in lists."""

from __future__ import annotations

from typing import NamedTuple

_DIGITS = 16


class Key(NamedTuple):
    """The place of an execution in a list: by the order of keys, which are texts."""

    value: str
    """Of the field by which the list is sorted; a time as `time_key` writes it."""
    namespace: str
    name: str
    uid: str


def time_key(milliseconds: int | None) -> str:
    """A time as part of a key; None for what never happened."""
    return "" if milliseconds is None else f"{milliseconds:0{_DIGITS}d}"


def time_of(text: str) -> int | None:
    """The time of a part of a key. ValueError if it is none."""
    if text and not (len(text) == _DIGITS and text.isascii() and text.isdecimal()):
        raise ValueError(f"{text[:80]!r} is not a time")
    return int(text) if text else None
