"""The beginning and the end of a log are kept, and how much is between them."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.history.logs import extent
from orchestrator.history.logs.extent import Chunk, Contents, Extent, Limit, Omitted


@dataclass
class Stored:
    """Chunks as a store has them."""

    chunks: dict[int, Chunk] = field(default_factory=dict)

    def save(self, contents: Contents) -> None:
        changes = contents.take()
        self.chunks |= {chunk.number: chunk for chunk in changes.chunks}
        for number in changes.removed:
            self.chunks.pop(number, None)

    def reopened(self, limit: Limit, omitted: Omitted) -> Contents:
        """As another process goes on from it."""
        known = [self.chunks[number] for number in sorted(self.chunks)]
        extents = [Extent(each.number, each.lines, each.size) for each in known]
        return Contents.stored(limit, omitted, extents, known[-1].body if known else b"")


@given(
    st.lists(st.integers(0, 90), max_size=150),
    st.builds(Limit, st.sampled_from([0, 1, 100, 350]), st.sampled_from([1, 100, 350])),
    st.sets(st.integers(0, 150), max_size=12),
)
def test_beginning_and_end_are_kept_and_the_middle_is_counted(
    sizes: list[int], limit: Limit, saves: set[int]
) -> None:
    before, extent.CHUNK = extent.CHUNK, 100
    try:
        lines = [f"{number}:".encode().ljust(size, b".") for number, size in enumerate(sizes)]
        contents, stored = Contents(limit), Stored()
        for number, line in enumerate(lines):
            contents.add(line)
            if number in saves:
                stored.save(contents)
                if number % 2:
                    contents = stored.reopened(limit, contents.omitted)
        stored.save(contents)
    finally:
        extent.CHUNK = before
    numbers = sorted(stored.chunks)
    kept = [line for number in numbers for line in stored.chunks[number].body.split(b"\n")[:-1]]
    gaps = [b for a, b in zip([-1, *numbers], numbers, strict=False) if b != a + 1]
    assert len(gaps) <= 1
    omitted = contents.omitted
    assert len(kept) + omitted.lines == len(lines)
    whole, size = b"\n".join([*lines, b""]), sum(chunk.size for chunk in stored.chunks.values())
    assert size + omitted.size == (len(whole) if lines else 0)
    chunk = 100 + 95  # with the line that completes it
    assert size <= limit.beginning + limit.end + 3 * chunk
    text = b"\n".join([*kept, b""]) if kept else b""
    if not omitted.lines:
        assert text == (whole if lines else b"")
    else:
        first = len(b"".join(stored.chunks[n].body for n in numbers if n < gaps[0]))
        assert first >= limit.beginning
        assert whole.startswith(text[:first])
        assert size - first >= limit.end
        assert whole.endswith(text[first:])


def test_what_nothing_changed_is_not_stored_again() -> None:
    contents = Contents(Limit(100, 100))
    contents.add(b"line")
    assert [chunk.body for chunk in contents.take().chunks] == [b"line\n"]
    assert not contents.take().chunks
