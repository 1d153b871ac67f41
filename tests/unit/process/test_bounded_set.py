"""The latest keys, and no more of them than a process can hold."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.process.bounded_set import BoundedSet


@given(st.lists(st.integers(0, 20)), st.integers(1, 5))
def test_it_holds_the_latest_and_no_more(keys: list[int], size: int) -> None:
    recent: BoundedSet[int] = BoundedSet(size)
    for key in keys:
        recent.add(key)
    latest = list(dict.fromkeys(reversed(keys)))
    assert len(recent) == min(size, len(latest))
    assert [key in recent for key in latest] == [place < size for place in range(len(latest))]
