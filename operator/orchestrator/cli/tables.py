"""Tables as kubectl prints them; on a terminal each row fits on its line."""

from __future__ import annotations

import shutil
import sys
import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from orchestrator.cli.terminal import say
from orchestrator.engine.times import from_rfc3339, in_words
from orchestrator.models.plain_text import plain_text

if TYPE_CHECKING:
    from orchestrator.models.columns import Column

GAP = "   "
TEXTS = frozenset({"MESSAGE", "SUMMARY", "TITLE", "ACTIVE", "FOR", "REQUESTER", "REASON"})
"""Columns that are shortened first, at their end."""
WHOLE = frozenset({"COMMAND"})
"""Columns that users copy from: never shortened, and last."""
_SHORTEST_TEXT = 8
_SHORTEST_NAME = 16
"""Minimum width of a shortened cell, in terminal columns."""


def print_table(header: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
    """Print aligned with spaces; to a file or a pipe, every cell is printed in full."""
    Table(header, cells).show(cells)


class Table:
    """A header, and column widths that fit a terminal; later rows are shortened to them."""

    def __init__(
        self,
        header: Sequence[str],
        cells: Sequence[Sequence[str]],
        columns: int | None = None,
    ) -> None:
        """`columns` is the width of the terminal; None detects it."""
        self._header = [word.upper() for word in header]
        self._widths = [
            max(width(row[index]) for row in (self._header, *cells))
            for index in range(len(self._header))
        ]
        if columns is None:
            columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
        self._fits = columns > 0
        if self._fits:
            _shrink(self._header, self._widths, columns)

    def show(self, cells: Sequence[Sequence[str]], *, header: bool = True) -> None:
        """The rows, below the header."""
        for line in self.lines(cells, header=header):
            say(line, flush=True)

    def lines(self, cells: Sequence[Sequence[str]], *, header: bool = True) -> list[str]:
        """The rows as text."""
        return [self._line(row) for row in ([self._header, *cells] if header else cells)]

    def _line(self, row: Sequence[str]) -> str:
        shown = []
        for word, cell, most in zip(self._header, row, self._widths, strict=True):
            text = plain_text(cell)
            if self._fits and word not in WHOLE:
                text = shorten(text, most) if word in TEXTS else shorten_middle(text, most)
            shown.append(text + " " * (most - width(text)))
        return GAP.join(shown).rstrip()


def _shrink(header: Sequence[str], widths: list[int], columns: int) -> None:
    """Narrow the widest text column until a row fits, then the widest other columns."""
    room = columns - len(GAP) * (len(widths) - 1)
    for texts, least in ((True, _SHORTEST_TEXT), (False, _SHORTEST_NAME)):
        chosen = [
            index
            for index, word in enumerate(header)
            if word not in WHOLE and (word in TEXTS) is texts
        ]
        while sum(widths) > room:
            widest = max(chosen, key=lambda index: widths[index], default=None)
            if widest is None or widths[widest] <= max(least, len(header[widest])):
                break
            widths[widest] -= 1


def width(text: str) -> int:
    """The number of terminal columns that a text takes."""
    if text.isascii():
        return len(text)
    return sum(map(_columns, text))


def _columns(letter: str) -> int:
    if unicodedata.combining(letter) or unicodedata.category(letter) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def shorten(text: str, most: int) -> str:
    """The text within `width` columns; if its end is cut, an ellipsis replaces it."""
    if width(text) <= most:
        return text
    return _prefix(text, most - 1) + "…"


def shorten_middle(text: str, most: int) -> str:
    """The text within `width` columns; names differ at their ends, so the middle is cut."""
    if width(text) <= most:
        return text
    ending = _prefix(text[::-1], (most - 1) // 2)[::-1]
    return f"{_prefix(text, most - 1 - width(ending))}…{ending}"


def _prefix(text: str, most: int) -> str:
    used = 0
    for at, letter in enumerate(text):
        used += _columns(letter)
        if used > most:
            return text[:at]
    return text


def rows(
    kind: str, items: Sequence[dict[str, Any]], *, wide: bool, every: bool, now: float
) -> tuple[list[str], list[list[str]]]:
    """The header and cells of a table: the columns that kubectl shows."""
    from orchestrator.models.columns import COLUMNS

    shown = [column for column in COLUMNS[kind] if wide or column.priority == 0]
    header = [*(["Namespace"] if every else []), "Name", *(column.name for column in shown)]
    cells = []
    for item in items:
        metadata = item["metadata"]
        first = [metadata.get("namespace", "")] if every else []
        values = [_cell(item, column, now) for column in shown]
        cells.append([*first, metadata["name"], *values])
    return header, cells


def _cell(item: dict[str, Any], column: Column, now: float) -> str:
    value = _lookup(item, column.path)
    if value is None:
        return ""
    if column.type == "date":
        return age(now - from_rfc3339(value))
    if column.path == ".status.nextFire":
        return moment(value)
    return " ".join(str(value).split())


def age(seconds: float) -> str:
    """How long something has lasted, in whole seconds."""
    return in_words(seconds).replace(".0s", "s")


def moment(timestamp: str) -> str:
    """A timestamp of a status without its milliseconds."""
    return timestamp.replace(".000Z", "Z")


def _lookup(item: Any, path: str) -> Any:
    """The value at a column's path: keys, and one filter by condition type."""
    before, _, after = path.partition('[?(@.type=="')
    value = _walk(item, before)
    if not after:
        return value
    wanted, _, rest = after.partition('")]')
    found = next((entry for entry in value or [] if entry.get("type") == wanted), None)
    return _walk(found, rest)


def _walk(value: Any, path: str) -> Any:
    for key in path.strip(".").split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value
