"""Logs as a kubelet returns them: lines since a whole second, each with its timestamp."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from hypothesis import strategies as st

from orchestrator.history.logs.lines import SECOND

START = 1_800_000_000


def stamped(nanos: int, text: str, zone: str = "Z") -> bytes:
    """A line as the kubelet sends it."""
    at = datetime.fromtimestamp(nanos // SECOND, UTC)
    part = f".{nanos % SECOND:09}".rstrip("0").rstrip(".")
    return f"{at:%Y-%m-%dT%H:%M:%S}{part}{zone} {text}".encode()


@dataclass(frozen=True)
class Written:
    """A line of a container."""

    nanos: int
    text: str

    @property
    def line(self) -> bytes:
        """As the kubelet sends it."""
        return stamped(self.nanos, self.text)


def answer(lines: list[Written], query: dict[str, str]) -> bytes:
    """The lines that a query asks for."""
    since = query.get("sinceTime")
    begin = 0 if since is None else int(datetime.fromisoformat(since).timestamp()) * SECOND
    return b"".join(line.line + b"\n" for line in lines if line.nanos >= begin)


@st.composite
def written(draw: st.DrawFn, max_size: int = 40) -> list[Written]:
    """Lines of two streams: several at the same moment, some after one that is later."""
    lines, now = [], START * SECOND
    steps = st.tuples(
        st.sampled_from([0, 0, 1, 1000, 400_000_000, SECOND, 7 * SECOND]),
        st.sampled_from([0, 0, 0, 50, 300_000_000, 2 * SECOND]),
        st.sampled_from(["", "same", "another", "ä" * 40]),
    )
    for step, early, text in draw(st.lists(steps, max_size=max_size)):
        now += step
        lines.append(Written(max(START * SECOND, now - early), text))
    return lines
