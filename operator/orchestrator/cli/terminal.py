"""Output to terminals: no control sequence from an object reaches the terminal.

Names, messages, outputs and comments come from anyone who may write an object or run a container.
`say` replaces their control and bidirectional characters; JSON and YAML escape them and stay exact.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any, TextIO

from orchestrator.models.plain_text import HIDDEN, plain_text

_COLOUR = re.compile("(\x1b\\[[0-9;:]*m)")
"""Select Graphic Rendition (ECMA-48): colours, bold and the like."""


class OutputClosedError(Exception):
    """The reader of the output has closed it, as `head` does once it has its lines."""


def say(
    *parts: object,
    sep: str = " ",
    end: str = "\n",
    file: TextIO | None = None,
    flush: bool = False,
) -> None:
    """Print as `print` does, without characters that control a terminal."""
    text = sep.join(map(str, parts))
    _write(plain_text(text), end, file or sys.stdout, flush=flush)


def to_json(value: Any) -> str:
    """Indented JSON; hidden characters are escapes."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return HIDDEN.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def say_log(line: str) -> None:
    """A line of a container's log: exact in a file or pipe; on a terminal, only colours are
    kept."""
    _write(colours_only(line) if sys.stdout.isatty() else line, "\n", sys.stdout, flush=True)


def _write(text: str, end: str, stream: TextIO, *, flush: bool) -> None:
    """Write in one piece, so that lines of several threads do not mix. Raises OutputClosedError."""
    try:
        stream.write(text + end)
        if flush:
            stream.flush()
    except BrokenPipeError as error:
        raise OutputClosedError from error


def colours_only(line: str) -> str:
    """The line without control sequences other than colours, which end with the line."""
    pieces = _COLOUR.split(line)
    if len(pieces) == 1:
        return plain_text(line)
    kept = (piece if at % 2 else plain_text(piece) for at, piece in enumerate(pieces))
    return "".join(kept) + "\x1b[0m"
