"""A terminal's screen: what a program wrote to it, as lines with colours.

It understands what rich's live display writes: carriage return, line feed, cursor up, erase line,
and colours (which stay in the lines, for rich's own decoder). Anything else is left out.
"""

from __future__ import annotations

import re

_TOKEN = re.compile(r"\x1b\[([?0-9;]*)([A-Za-z])|(\r)|(\n)|([^\x1b\r\n]+)|\x1b")


class Screen:
    """Lines that grow at the end; only whole lines are ever overwritten."""

    def __init__(self) -> None:
        self.lines: list[str] = [""]
        self._row = 0
        self._fresh = False

    def write(self, text: str) -> None:
        """Take what a program wrote."""
        for numbers, command, back, feed, plain in _TOKEN.findall(text):
            if plain:
                self._put(plain)
            elif back:
                self._fresh = True
            elif feed:
                self._down()
            elif command == "A":
                self._row = max(self._row - int(numbers or 1), 0)
            elif command == "K":
                self.lines[self._row] = ""
            elif command == "m":
                self._put(f"\x1b[{numbers}m")

    def _put(self, text: str) -> None:
        if self._fresh:
            self.lines[self._row] = ""
            self._fresh = False
        self.lines[self._row] += text

    def _down(self) -> None:
        self._row += 1
        self._fresh = False
        if self._row == len(self.lines):
            self.lines.append("")
