"""Approvals, waits and signals in virtual time: what people decide, and when nobody does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from orchestrator.engine.protection import POLICY_SETTLE_SECONDS, Policies
from orchestrator.engine.trust import trust_at_admission
from tests.builders import action, chain, edge, graph
from tests.simulation.test_runs import scripted
from tests.simulation.world import START, World


def asked(**fields: Any) -> World:
    """An approval of two people of the sre group or by ana, and an action behind it."""
    timeout = {"timeout": fields.pop("timeout")} if "timeout" in fields else {}
    approval = {"approvers": ["group:sre", "user:ana"], **fields}
    compiled = graph(
        {"name": "ask", "approval": approval, **timeout}, action("go"), edges=chain("ask", "go")
    )
    return World(compiled, scripted())


def by(world: World, requester: str | None) -> World:
    world.run = replace(world.run, requester=requester)
    return world


def test_one_approver_is_enough_where_nothing_else_is_said() -> None:
    world = asked()
    world.decide("ask", "ana", at=60)
    world.play()
    assert world.phases == {"ask": "Succeeded", "go": "Succeeded"}
    assert world.jobs["go", 1].created_at == START + 60
    assert world.run.records["ask"].outputs == {
        "decision": "Approve",
        "by": ["ana"],
        "inputs": {"ana": {}},
    }


def test_two_distinct_people_are_needed_when_two_are_required() -> None:
    world = asked(required=2)
    world.decide("ask", "ana", at=60)
    world.decide("ask", "bob", at=90, groups=["sre", "dev"])
    world.play()
    assert world.jobs["go", 1].created_at == START + 90
    assert world.run.records["ask"].outputs["by"] == ["ana", "bob"]


def test_a_decision_is_replaced_by_its_maker_while_the_node_waits() -> None:
    world = asked(required=2)
    world.decide("ask", "ana", at=60)
    world.decide("ask", "ana", "Reject", at=70, comment="on second thoughts")
    world.decide("ask", "bob", at=80, groups=["sre"])
    world.play()
    assert (world.reason("ask"), world.now) == ("Rejected", START + 70)
    assert "ana rejected it: on second thoughts" in world.run.records["ask"].message


def test_an_approval_given_twice_by_one_person_is_one() -> None:
    world = asked(required=2)
    world.decide("ask", "ana", at=60)
    world.decide("ask", "ana", at=70, comment="again")
    world.decide("ask", "bob", at=80, groups=["sre"])
    world.play()
    assert world.jobs["go", 1].created_at == START + 80
    assert world.run.records["ask"].outputs["by"] == ["ana", "bob"]


def test_inputs_that_do_not_fit_are_given_again_while_the_node_waits() -> None:
    schema = {"properties": {"ticket": {"type": "string"}}, "required": ["ticket"]}
    world = asked(inputs=schema)
    world.decide("ask", "ana", at=60)
    world.decide("ask", "ana", at=90, inputs={"ticket": "OPS-1"})
    world.play()
    assert world.jobs["go", 1].created_at == START + 90
    assert world.run.records["ask"].outputs["inputs"] == {"ana": {"ticket": "OPS-1"}}


def test_of_two_decisions_at_one_moment_the_last_counts() -> None:
    world = asked()
    world.decide("ask", "ana", "Reject", at=60)
    world.decide("ask", "ana", at=60)
    assert world.play().phases == {"ask": "Succeeded", "go": "Succeeded"}


@pytest.mark.parametrize("forgetful", [True, False])
def test_a_decision_that_is_replaced_after_the_end_changes_nothing(forgetful: bool) -> None:
    world = asked()
    world.forgetful = forgetful
    world.decide("ask", "ana", at=60)
    world.decide("ask", "ana", "Reject", at=60.5)
    world.play()
    assert world.phases == {"ask": "Succeeded", "go": "Succeeded"}
    assert world.run.records["ask"].outputs["decision"] == "Approve"


def test_who_is_no_approver_counts_for_nothing_and_is_named() -> None:
    world = asked()
    world.decide("ask", "eve", at=30, groups=["dev"])
    world.decide("ask", "eve2", "Reject", at=31)
    world.decide("ask", "ana", at=60)
    messages: list[str] = []
    world.at.append((START + 50, lambda now: messages.append(now.run.records["ask"].message)))
    world.play()
    assert world.jobs["go", 1].created_at == START + 60
    assert "eve is none of the approvers" in messages[0]
    assert "0 of 1 approved" in messages[0]


def test_one_reject_fails_the_node_and_its_words_are_kept() -> None:
    world = asked(required=2)
    world.decide("ask", "ana", at=60)
    world.decide("ask", "bob", "Reject", at=61, groups=["sre"], comment="not on a Friday")
    world.play()
    assert world.phases == {"ask": "Failed", "go": "Skipped"}
    assert world.reason("ask") == "Rejected"
    assert "bob rejected it: not on a Friday" in world.run.records["ask"].message
    assert world.run.records["ask"].outputs["decision"] == "Reject"


def test_the_requester_is_excluded_when_asked_for() -> None:
    world = by(asked(excludeRequester=True), "ana")
    world.decide("ask", "ana", at=30)
    world.decide("ask", "bob", at=60, groups=["sre"])
    world.play()
    assert world.jobs["go", 1].created_at == START + 60


def test_an_unknown_requester_cannot_be_excluded() -> None:
    world = asked(excludeRequester=True)
    world.play()
    assert world.reason("ask") == "RequesterUnknown"


def test_a_trigger_is_known_and_excludes_nobody() -> None:
    world = asked(excludeRequester=True)
    world.run = replace(world.run, trigger={"type": "schedule", "name": "nightly"})
    world.decide("ask", "ana", at=60)
    world.play()
    assert world.phase("ask") == "Succeeded"


def test_the_person_behind_a_triggers_event_is_excluded_like_a_requester() -> None:
    world = asked(excludeRequester=True)
    trigger = {"type": "execution", "name": "after", "depth": 3, "requester": "ana"}
    world.run = replace(world.run, trigger=trigger)
    world.decide("ask", "ana", at=30)
    world.decide("ask", "bob", at=60, groups=["sre"])
    messages: list[str] = []
    world.at.append((START + 50, lambda now: messages.append(now.run.records["ask"].message)))
    world.play()
    assert world.jobs["go", 1].created_at == START + 60
    assert "ana is behind the event that started the execution" in messages[0]


def test_a_triggers_event_with_an_unknown_person_behind_it_cannot_exclude_them() -> None:
    world = asked(excludeRequester=True)
    world.run = replace(world.run, trigger={"type": "execution", "name": "after", "requester": ""})
    world.play()
    assert world.reason("ask") == "RequesterUnknown"


def test_expressions_see_the_person_behind_a_triggers_event() -> None:
    world = World(graph({"name": "who", "transform": {"it": "execution.requester"}}), scripted())
    trigger = {"type": "execution", "name": "after", "depth": 1, "requester": "ana"}
    world.run = replace(world.run, trigger=trigger)
    assert world.play().run.records["who"].outputs == {"it": "ana"}


def test_nobody_decides_in_time() -> None:
    failed = asked(timeout="30m").play()
    assert (failed.phase("ask"), failed.reason("ask")) == ("Failed", "ApprovalTimedOut")
    assert failed.now == START + 1800
    rejected = asked(timeout="30m", onTimeout="Reject").play()
    assert (rejected.phase("ask"), rejected.reason("ask")) == ("Failed", "Rejected")
    approved = asked(timeout="30m", onTimeout="Approve").play()
    assert approved.phases == {"ask": "Succeeded", "go": "Succeeded"}
    assert asked().play().now == START + 24 * 3600


OLD = Policies("old", START - 3600)
"""Policies that were in effect before the execution was created."""


def judged(world: World, policies: Policies | None) -> World:
    """The execution, created and admitted while these policies were in place."""
    world.policies = policies
    trust = trust_at_admission(policies, START, (), START)
    world.run = replace(world.run, created_at=START, trust=trust)
    return world


def policies_at(world: World, at: float, policies: Policies | None) -> None:
    def change(now: World) -> None:
        now.policies = policies

    world.at.append((START + at, change))


def message_at(world: World, at: float, node: str = "ask") -> list[str]:
    """The node's message then, once it was played."""
    messages: list[str] = []
    world.at.append((START + at, lambda now: messages.append(now.run.records[node].message)))
    return messages


def test_nothing_counts_while_the_api_server_does_not_check_who_decides() -> None:
    world = judged(asked(onTimeout="Approve", timeout="1h"), None)
    world.decide("ask", "ana", at=60)
    seen: list[str] = []
    world.at.append((START + 100, lambda now: seen.append(now.reason("ask"))))
    world.play()
    assert seen == ["ApprovalsUnprotected"]
    assert (world.phase("ask"), world.reason("ask")) == ("Failed", "ApprovalTimedOut")


def test_a_decision_counts_under_policies_older_than_the_execution() -> None:
    world = judged(asked(), OLD)
    world.decide("ask", "ana", at=60)
    assert world.play().jobs["go", 1].created_at == START + 60


def test_what_was_decided_before_the_policies_never_counts_and_is_asked_again() -> None:
    world = judged(asked(), None)
    world.decide("ask", "ana", at=60)
    policies_at(world, 120, Policies("new", START + 120))
    world.decide("ask", "ana", at=125, comment="before they are in effect")
    messages = message_at(world, 200)
    world.decide("ask", "ana", at=300, comment="again")
    world.play()
    assert "ana decided before the admission policies were in place as they are now" in messages[0]
    assert world.jobs["go", 1].created_at == START + 300


@pytest.mark.parametrize("gap", [0.0, 0.5, 30.0, 3600.0])
@pytest.mark.parametrize("forgetful", [True, False])
def test_a_decision_of_an_unprotected_window_never_counts_however_short(
    gap: float, forgetful: bool
) -> None:
    world = judged(asked(), OLD)
    world.forgetful = forgetful
    if gap:
        policies_at(world, 100, None)
    world.decide("ask", "ana", at=100 + gap / 2)
    policies_at(world, 100 + gap, Policies("restored", START + 100 + gap))
    world.decide("ask", "bob", at=8000, groups=["sre"])
    world.play()
    assert world.jobs["go", 1].created_at == START + 8000
    assert world.run.records["ask"].outputs["by"] == ["bob"]


def test_a_decision_of_a_window_in_which_no_operator_ran_never_counts() -> None:
    world = judged(asked(), OLD)
    forged = {"node": "ask", "by": "ana", "decision": "Approve"}
    world.run = replace(world.run, decisions=(forged,))
    world.policies = Policies("restored", START - 60, edited=True)
    world.decide("ask", "bob", at=90, groups=["sre"])
    world.play()
    assert world.run.records["ask"].outputs["by"] == ["bob"]


def test_policies_that_were_edited_twice_in_a_window_are_others_though_they_read_the_same() -> None:
    world = judged(asked(required=2), OLD)
    world.decide("ask", "ana", at=10)
    policies_at(world, 60, Policies("edited", START + 60, edited=True))
    messages = message_at(world, 100)
    world.decide("ask", "bob", at=120, groups=["sre"])
    world.decide("ask", "ana", at=150, comment="again")
    world.play()
    assert "0 of 2 approved" in messages[0]
    assert world.jobs["go", 1].created_at == START + 150


def test_policies_that_go_after_the_approval_change_nothing_of_its_end() -> None:
    world = judged(asked(), OLD)
    world.decide("ask", "ana", at=60)
    policies_at(world, 60.5, None)
    assert world.play().phases == {"ask": "Succeeded", "go": "Succeeded"}


def test_a_reject_that_was_forged_in_a_window_does_not_count_either() -> None:
    world = judged(asked(), OLD)
    policies_at(world, 50, None)
    world.decide("ask", "ana", "Reject", at=60)
    policies_at(world, 70, Policies("restored", START + 70))
    world.decide("ask", "bob", at=120, groups=["sre"])
    assert world.play().phase("ask") == "Succeeded"


def test_the_requester_of_an_execution_older_than_the_policies_is_unknown() -> None:
    young = Policies("young", START - POLICY_SETTLE_SECONDS / 2)
    for policies in (None, young):
        world = by(judged(asked(excludeRequester=True), policies), "bob")
        world.play()
        assert world.reason("ask") == "RequesterUnknown"
        assert "start it again" in world.run.records["ask"].message
        assert world.run.initiator == ""
    known = by(judged(asked(excludeRequester=True), OLD), "bob")
    known.decide("ask", "ana", at=60)
    assert known.play().phase("ask") == "Succeeded"


def test_a_trigger_that_was_forged_without_the_policies_does_not_excuse_its_maker() -> None:
    world = judged(asked(excludeRequester=True), None)
    world.run = replace(world.run, trigger={"type": "schedule", "name": "nightly"})
    policies_at(world, 10, Policies("new", START + 10))
    world.decide("ask", "ana", at=60)
    assert world.play().reason("ask") == "RequesterUnknown"


def hearing() -> World:
    return World(graph({"name": "wait", "wait": {"signal": "go"}, "timeout": "1h"}), scripted())


def test_a_signal_without_the_policies_never_counts_and_is_sent_again() -> None:
    world = judged(hearing(), None)
    world.signal("go", "1", at=60)
    policies_at(world, 120, Policies("new", START + 120))
    messages = message_at(world, 200, "wait")
    world.signal("go", "2", at=300)
    world.play()
    assert "signal 1 was sent before the admission policies" in messages[0]
    assert world.run.records["wait"].outputs["id"] == "2"


def test_without_the_policies_a_wait_says_so_and_times_out() -> None:
    world = judged(hearing(), None)
    world.signal("go", "1", at=60)
    seen: list[str] = []
    world.at.append((START + 100, lambda now: seen.append(now.reason("wait"))))
    world.play()
    assert (seen, world.reason("wait")) == (["SignalsUnprotected"], "TimedOut")


def test_inputs_are_checked_and_later_nodes_read_them() -> None:
    schema = {
        "properties": {"ticket": {"type": "string", "pattern": "OPS-[0-9]+"}},
        "required": ["ticket"],
    }
    compiled = graph(
        {"name": "ask", "approval": {"approvers": ["user:ana"], "inputs": schema}},
        action("go", **{"with": {"text": "$[[ nodes.ask.outputs.inputs.ana.ticket ]]"}}),
        edges=chain("ask", "go"),
    )
    wrong = World(compiled, scripted())
    wrong.decide("ask", "ana", inputs={"ticket": "OPS-x"})
    messages: list[str] = []
    wrong.at.append((START + 50, lambda now: messages.append(now.run.records["ask"].message)))
    wrong.play()
    assert wrong.reason("ask") == "ApprovalTimedOut"
    assert "inputs.ticket" in messages[0]
    right = World(compiled, scripted())
    right.decide("ask", "ana", inputs={"ticket": "OPS-12"})
    right.play()
    assert right.jobs["go", 1].parameters == {"text": "OPS-12"}


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


def test_inputs_that_are_too_large_count_for_nothing_and_say_so() -> None:
    schema = {"properties": {"hosts": {"type": "array", "uniqueItems": True}}}
    world = asked(inputs=schema)
    world.decide("ask", "ana", at=30, inputs={"hosts": list(range(8_000))})
    world.decide("ask", "bob", at=60, groups=["sre"], inputs={"hosts": list(range(800))})
    messages: list[str] = []
    world.at.append((START + 50, lambda now: messages.append(now.run.records["ask"].message)))
    world.play()
    assert "ana gave inputs that cannot be kept: a value exceeds 4 KiB" in messages[0]
    assert world.run.records["ask"].outputs["by"] == ["bob"]


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
    assert "ana gave inputs that cannot be kept" in messages[0]
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
