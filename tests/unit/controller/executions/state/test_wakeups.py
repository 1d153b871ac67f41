"""What the next round over an execution reconciles, by events and by the clock."""

from __future__ import annotations

from orchestrator.controller.executions.state.wakeups import WakeUps


def after_the_first_round() -> WakeUps:
    wakeups = WakeUps()
    wakeups.take(0.0)
    wakeups.round_ended()
    return wakeups


def test_all_active_nodes_are_reconciled_until_a_round_has_ended() -> None:
    wakeups = WakeUps()
    assert wakeups.take(0.0) is None
    assert wakeups.take(0.0) is None
    wakeups.round_ended()
    assert wakeups.take(0.0) == set()


def test_a_round_takes_nodes_with_events_and_requeued_ones_once() -> None:
    wakeups = after_the_first_round()
    wakeups.mark("a")
    wakeups.requeue("b")
    assert wakeups.take(0.0) == {"a", "b"}
    assert wakeups.take(0.0) == set()


def test_a_requeued_node_asks_for_another_round() -> None:
    wakeups = after_the_first_round()
    wakeups.requeue("b")
    assert not wakeups.settled


def test_an_event_alone_waits_for_the_next_pass() -> None:
    wakeups = after_the_first_round()
    wakeups.mark("a")
    assert wakeups.settled


def test_a_moment_that_has_come_reconciles_all_active_nodes() -> None:
    wakeups = after_the_first_round()
    wakeups.wake(10.0)
    wakeups.recheck(20.0)
    assert wakeups.take(9.9) == set()
    assert wakeups.take(10.0) is None
    assert [*wakeups.due(10.0)] == []  # the round decides them again


def test_the_earliest_moment_counts() -> None:
    wakeups = WakeUps()
    for moment in (30.0, None, 10.0, 20.0):
        wakeups.wake(moment)
    wakeups.recheck(25.0)
    wakeups.recheck(15.0)
    assert [due.seconds for due in wakeups.due(5.0)] == [5.0, 10.0]
