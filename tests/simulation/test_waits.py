"""Waits for signals and conditions in virtual time."""

from __future__ import annotations

from typing import Any

from tests.builders import action, chain, edge, graph
from tests.simulation.approvals import asked
from tests.simulation.scripts import scripted
from tests.simulation.world import START, World


def test_a_wait_ends_with_its_signal_and_hands_on_the_payload() -> None:
    compiled = graph(
        {"name": "wait", "wait": {"signal": "go"}},
        action("go", **{"with": {"text": "$[[ nodes.wait.outputs.payload.why ]]"}}),
        edges=chain("wait", "go"),
    )
    world = World(compiled, scripted())
    world.signal("other", "1", at=10)
    world.signal("go", "2", at=20, payload={"why": "ready"}, by="ana")
    world.play()
    assert world.jobs["go", 1].created_at == START + 20
    assert world.jobs["go", 1].parameters == {"text": "ready"}
    assert world.run.records["wait"].outputs == {
        "payload": {"why": "ready"},
        "by": "ana",
        "id": "2",
    }


def test_a_signal_whose_payload_is_too_large_is_none() -> None:
    world = World(graph({"name": "wait", "wait": {"signal": "go"}}), scripted())
    world.signal("go", "1", at=10, payload={"text": "x" * 5000})
    world.signal("go", "2", at=20, payload={"text": "x"})
    assert world.play().run.records["wait"].outputs["id"] == "2"


def test_a_signal_may_come_first_and_is_not_used_up() -> None:
    compiled = graph(
        action("a"),
        {"name": "one", "wait": {"signal": "go"}},
        {"name": "two", "wait": {"signal": "go"}},
        edges=chain("a", "one", "two"),
    )
    world = World(compiled, scripted())
    world.signal("go", "1", at=0.1)
    assert world.play().phases == {"a": "Succeeded", "one": "Succeeded", "two": "Succeeded"}


def test_a_wait_without_its_signal_times_out_and_a_handler_sees_it() -> None:
    compiled = graph(
        {"name": "wait", "wait": {"signal": "go"}, "timeout": "5m"},
        action("rescue"),
        edges=[edge("wait", "rescue", "Failed")],
    )
    world = World(compiled, scripted()).play()
    assert world.phases == {"wait": "TimedOut", "rescue": "Succeeded"}
    assert world.reason("wait") == "TimedOut"


def test_a_wait_until_sees_other_branches_as_they_change() -> None:
    compiled = graph(
        action("a"),
        action("b"),
        {"name": "both", "wait": {"until": "nodes.b.phase == 'Succeeded'"}},
        action("after"),
        edges=[*chain("a", "b"), *chain("both", "after")],
    )
    world = World(compiled, scripted()).play()
    assert world.jobs["after", 1].created_at == START + 2


def test_a_wait_until_is_asked_again_every_ten_seconds() -> None:
    compiled = graph({"name": "later", "wait": {"until": "now > '2023-11-14T22:14:00Z'"}})
    world = World(compiled, scripted()).play()
    assert world.phase("later") == "Succeeded"
    assert 40 <= world.now - START <= 50


def test_a_wait_until_that_cannot_be_computed_fails() -> None:
    compiled = graph({"name": "later", "wait": {"until": "nodes.later.outputs.x > 1"}})
    world = World(compiled, scripted()).play()
    assert world.reason("later") == "ExpressionError"


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def test_what_is_nested_too_deep_is_no_signal_and_no_input() -> None:
    world = World(graph({"name": "hold", "wait": {"signal": "go"}, "timeout": "5m"}), scripted())
    world.signal("go", "1", at=30, payload={"x": nested(300)})
    world.signal("go", "2", at=60, payload={"x": 1})
    world.play()
    assert world.run.records["hold"].outputs["payload"] == {"x": 1}
    messages: list[str] = []
    asks = asked()
    asks.decide("ask", "ana", at=30, inputs={"x": nested(300)})
    asks.decide("ask", "bob", at=60, groups=["sre"])
    asks.at.append((START + 50, lambda now: messages.append(now.run.records["ask"].message)))
    asks.play()
    assert "ana gave inputs that cannot be stored" in messages[0]
    assert asks.run.records["ask"].outputs["by"] == ["bob"]


def test_many_signals_that_are_too_large_hold_nothing_up_and_the_first_that_fits_counts() -> None:
    waits = [
        {"name": f"w{number}", "wait": {"signal": "go"}, "timeout": "5m"} for number in range(50)
    ]
    world = World(graph(*waits), scripted())
    for number in range(300):
        world.signal("go", f"{number}", at=10, payload={"x": "x" * 5_000})
    world.signal("go", "fits", at=60, payload={"x": 1})
    world.play()
    ids = {world.run.records[f"w{number}"].outputs["id"] for number in range(50)}
    assert ids == {"fits"}
