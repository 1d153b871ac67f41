"""Turns of long computations: a caller takes neither all threads nor all turns."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any

import pytest

from orchestrator.session import long_work
from orchestrator.session.errors import BusyError
from orchestrator.session.long_work import Turns

LARGE: dict[str, Any] = {"nodes": [{}] * 1000}


def test_a_caller_has_so_many_and_others_have_their_own() -> None:
    turns = Turns(at_once=10, of_caller=2)
    with turns.one("ana"), turns.one("ana"):
        with pytest.raises(BusyError, match="you have 2 requests that take long"), turns.one("ana"):
            pass
        with turns.one("bob"):
            pass
    with turns.one("ana"):
        pass


def test_only_so_many_go_on_at_a_time() -> None:
    turns, began = Turns(at_once=1, of_caller=2), threading.Event()

    def work() -> None:
        with turns.one("bob"):
            began.set()

    with turns.one("ana"):
        thread = threading.Thread(target=work)
        thread.start()
        assert not began.wait(0.2)
    thread.join(10)
    assert began.is_set()


def test_what_is_small_takes_no_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_work, "_TURNS", Turns(at_once=1, of_caller=1))
    cluster: Any = SimpleNamespace(identity="ana")
    with ExitStack() as stack:
        stack.enter_context(long_work.long_work(cluster, LARGE))
        stack.enter_context(long_work.long_work(cluster, {"nodes": [{}]}, {}))
        with pytest.raises(BusyError):
            stack.enter_context(long_work.long_work(cluster, {}, LARGE))
