"""Lines of a log as the kubelet sends them, and where a reader of them is.

Each line begins with the moment at which it was written. The API can be asked for the lines since a
whole second. Those are always the same lines, and more as the log grows: so a position is a second,
and how many of the lines since then are stored. Moments alone would not do. Several lines may have
the same one, and those of stdout and stderr are not in order, so the second is a few before that of
the latest line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache

MAX_LINE = 64 * 1024
"""Bytes of a line that are kept."""
SECOND = 10**9
"""Nanoseconds of a second."""
LATE_SECONDS = 5
"""How much earlier than a line before it a line may have been written, in seconds."""
_STAMP = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)(?: |$)")


def moment_of(line: bytes) -> int | None:
    """When a line was written, in nanoseconds since the epoch.

    None for a line that the kubelet itself wrote, such as an error.
    """
    match = _STAMP.match(line)
    if match is None:
        return None
    whole, part, zone = match.groups()
    try:
        return _seconds(whole, zone) * SECOND + int((part or b"0").ljust(9, b"0"))
    except ValueError:  # no such day
        return None


@lru_cache(maxsize=256)
def _seconds(whole: bytes, zone: bytes) -> int:
    return int(datetime.fromisoformat((whole + zone).decode()).timestamp())


class Splitter:
    """Makes lines of the parts of a stream, of which at most a line is held."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._cut = 0
        """Bytes of the current line beyond MAX_LINE."""

    def feed(self, part: bytes) -> list[bytes]:
        """The lines that this part completes."""
        *ends, last = part.split(b"\n")
        lines = []
        for end in ends:
            self._add(end)
            lines.append(self.rest())
        self._add(last)
        return lines

    def rest(self) -> bytes:
        """The line that was not completed; empty if there is none."""
        line, cut = bytes(self._rest), self._cut
        self._rest.clear()
        self._cut = 0
        return line + b" (%d bytes of this line omitted)" % cut if cut else line

    def _add(self, text: bytes) -> None:
        room = max(0, MAX_LINE - len(self._rest))
        self._rest += text[:room]
        self._cut += max(0, len(text) - room)


@dataclass(slots=True)
class Position:
    """How much of a log is stored; at first nothing."""

    latest: int = 0
    """The latest moment at which a stored line was written, in nanoseconds."""
    _counts: dict[int, int] = field(default_factory=dict)
    """Stored lines by the second in which they were written, of the last LATE_SECONDS."""

    def advance(self, moment: int) -> None:
        """The next line is stored."""
        second = moment // SECOND
        if moment > self.latest:
            if second > self.latest // SECOND:
                begin = second - LATE_SECONDS
                self._counts = {
                    each: count for each, count in self._counts.items() if each >= begin
                }
            self.latest = moment
        if second >= self.latest // SECOND - LATE_SECONDS:
            self._counts[second] = self._counts.get(second, 0) + 1

    @property
    def count(self) -> int:
        """Stored lines with which the answer to `query` begins."""
        return sum(self._counts.values())

    def query(self) -> dict[str, str]:
        """What to ask the API for."""
        if not self.latest:
            return {}
        since = datetime.fromtimestamp(self.latest // SECOND - LATE_SECONDS, UTC)
        return {"sinceTime": f"{since:%Y-%m-%dT%H:%M:%SZ}"}

    def copy(self) -> Position:
        """As it is now."""
        return Position(self.latest, dict(self._counts))

    def text(self) -> str:
        """For the database."""
        counts = ",".join(f"{second}:{count}" for second, count in sorted(self._counts.items()))
        return f"{self.latest} {counts}"

    @classmethod
    def parse(cls, text: str) -> Position:
        """From the database."""
        latest, _, counts = text.partition(" ")
        pairs = (each.split(":") for each in counts.split(",") if each)
        return cls(int(latest), {int(second): int(count) for second, count in pairs})


class Resumption:
    """Passes over the lines of an answer that are stored already."""

    def __init__(self, position: Position) -> None:
        self._latest = position.latest
        self._left = position.count
        self.rotated = False
        """Whether stored lines are not in the answer: the kubelet has begun another file since."""

    def is_new(self, moment: int) -> bool:
        """Whether the next line of the answer is to be stored."""
        if self._left == 0:
            return True
        if moment > self._latest:
            self.rotated = True
            self._left = 0
            return True
        self._left -= 1
        return False
