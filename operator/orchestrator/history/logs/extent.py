"""Which part of a log is kept: its beginning and its end, in chunks.

The chunks are numbered. Those of the beginning stay; of the others the oldest go, so the numbers
have at most one gap, where the middle was left out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

CHUNK = 64 * 1024
"""Bytes after which a chunk is complete."""


@dataclass(frozen=True, slots=True)
class Limit:
    """How much of a log is kept at least, in bytes; at most a chunk more of each."""

    beginning: int
    end: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some lines in a row, each with its line feed."""

    number: int
    lines: int
    body: bytes

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self.body)


@dataclass(frozen=True, slots=True)
class Extent:
    """A chunk without its body."""

    number: int
    lines: int
    size: int


@dataclass(slots=True)
class Omitted:
    """What was left out."""

    lines: int = 0
    size: int = 0


@dataclass(frozen=True, slots=True)
class Changes:
    """What to store since the last time."""

    chunks: Sequence[Chunk]
    """New ones, and those that have grown."""
    removed: Sequence[int]
    """Numbers of chunks that go, stored or not."""


NOTHING = Changes((), ())


@dataclass(slots=True)
class Contents:
    """The chunks of a log while it is read."""

    limit: Limit
    omitted: Omitted = field(default_factory=Omitted)
    _beginning: int = 0
    """Bytes of the complete chunks that stay."""
    _end: deque[Extent] = field(default_factory=deque)
    """The complete chunks after them."""
    _number: int = 0
    _lines: int = 0
    _open: bytearray = field(default_factory=bytearray)
    _changed: bool = False
    _new: dict[int, Chunk] = field(default_factory=dict)
    """Complete chunks that are not stored."""
    _removed: list[int] = field(default_factory=list)

    @classmethod
    def stored(
        cls, limit: Limit, omitted: Omitted, chunks: Sequence[Extent], body: bytes
    ) -> Contents:
        """As stored: its chunks in order, and the body of the last one."""
        contents = cls(limit, omitted)
        if not chunks:
            return contents
        for chunk in chunks[:-1]:
            contents._close(chunk)
        last = chunks[-1]
        contents._number, contents._lines = last.number, last.lines
        contents._open += body[: last.size]
        if len(contents._open) >= CHUNK:
            contents._close(last)
            contents._begin(last.number + 1)
        return contents

    def add(self, line: bytes) -> None:
        """Add a line without its line feed."""
        self._open += line
        self._open += b"\n"
        self._lines += 1
        self._changed = True
        if len(self._open) >= CHUNK:
            chunk = Chunk(self._number, self._lines, bytes(self._open))
            self._new[chunk.number] = chunk
            self._close(Extent(chunk.number, chunk.lines, chunk.size))
            self._begin(chunk.number + 1)
            self._shorten()

    def take(self) -> Changes:
        """What changed since the last time."""
        chunks = list(self._new.values())
        if self._changed and self._open:
            chunks.append(Chunk(self._number, self._lines, bytes(self._open)))
        removed, self._removed = self._removed, []
        self._new, self._changed = {}, False
        return Changes(chunks, removed)

    @property
    def complete_chunks(self) -> int:
        """Complete chunks that are not stored."""
        return len(self._new)

    @property
    def is_full(self) -> bool:
        """Whether the beginning is complete, so that more lines push out others."""
        return self._beginning >= self.limit.beginning

    def _begin(self, number: int) -> None:
        self._number, self._lines, self._changed = number, 0, False
        self._open.clear()

    def _close(self, chunk: Extent) -> None:
        if self.is_full:
            self._end.append(chunk)
        else:
            self._beginning += chunk.size

    def _shorten(self) -> None:
        kept = sum(chunk.size for chunk in self._end)
        while self._end and kept - self._end[0].size >= self.limit.end:
            chunk = self._end.popleft()
            kept -= chunk.size
            self.omitted.lines += chunk.lines
            self.omitted.size += chunk.size
            self._new.pop(chunk.number, None)
            self._removed.append(chunk.number)  # a part of it may be stored
