"""Which Jobs were stopped, and which are to be."""

from __future__ import annotations

from orchestrator.controller.executions.state.stops import Stops


def test_a_stop_by_force_is_another_one_than_a_gentle_stop() -> None:
    stops = Stops()
    stops.sent("job", force=False)
    assert stops.was_sent("job", force=False)
    assert not stops.was_sent("job", force=True)


def test_an_orphan_is_next_until_it_is_removed() -> None:
    stops = Stops()
    stops.add_orphan("job", "node")
    assert stops.next_orphan() == stops.next_orphan() == ("job", "node")
    stops.remove_orphan("job")
    assert stops.next_orphan() is None


def test_orphans_are_found_again_when_the_execution_is_read_again() -> None:
    stops = Stops()
    stops.add_orphan("job", "node")
    stops.sent("another", force=True)
    continued = stops.continued()
    assert not continued.is_orphan("job")
    assert continued.was_sent("another", force=True)
