"""What the command line writes to people: no control sequence of an object reaches the terminal.

Names, messages, outputs and comments come from whoever may write an object or run a container.
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
    """Whatever read the output has ended, as `head` does once it has its lines."""


def say(
    *parts: object,
    sep: str = " ",
    end: str = "\n",
    file: TextIO | None = None,
    flush: bool = False,
) -> None:
    """Print as `print` does, without what a terminal would obey."""
    text = sep.join(map(str, parts))
    _write(plain_text(text), end, file or sys.stdout, flush=flush)


def to_json(value: Any) -> str:
    """Indented JSON; hidden characters are escapes."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return HIDDEN.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def say_log(line: str) -> None:
    """A line of a container's log: exact in a file or pipe, only colours left at a terminal."""
    _write(colours_only(line) if sys.stdout.isatty() else line, "\n", sys.stdout, flush=True)


def _write(text: str, end: str, stream: TextIO, *, flush: bool) -> None:
    """In one piece, so that lines of several threads stay whole. Raises OutputClosedError."""
    try:
        stream.write(text + end)
        if flush:
            stream.flush()
    except BrokenPipeError as error:
        raise OutputClosedError from error


def colours_only(line: str) -> str:
    """The line without control sequences but colours, which end with the line."""
    pieces = _COLOUR.split(line)
    if len(pieces) == 1:
        return plain_text(line)
    kept = (piece if at % 2 else plain_text(piece) for at, piece in enumerate(pieces))
    return "".join(kept) + "\x1b[0m"
