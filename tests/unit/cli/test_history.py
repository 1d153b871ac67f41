"""Lines of logs that come through the REST API."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from orchestrator.cli.history import read_ahead
from orchestrator.session.errors import UnreachableError


def test_a_slow_reader_holds_nothing_up_and_sees_how_it_ended() -> None:
    ended = threading.Event()

    def lines() -> Iterator[str]:
        yield from ("a", "b", "c")
        ended.set()
        raise UnreachableError("cut off")

    found = read_ahead(lines())
    assert next(found) == "a"
    assert ended.wait(60), "the others are read while the reader does nothing"
    assert [next(found), next(found)] == ["b", "c"]
    with pytest.raises(UnreachableError, match="cut off"):
        next(found)
    assert list(read_ahead(iter(["a", "b"]))) == ["a", "b"]
