"""Approvals in virtual time: what people decide, and what happens if no one does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.builders import action, chain, graph
from tests.simulation.approvals import asked, by
from tests.simulation.scripts import scripted
from tests.simulation.world import START, World


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
    assert "eve is not one of the approvers" in messages[0]
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


def test_a_trigger_is_known_and_excludes_no_one() -> None:
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


def test_no_one_decides_in_time() -> None:
    failed = asked(timeout="30m").play()
    assert (failed.phase("ask"), failed.reason("ask")) == ("Failed", "ApprovalTimedOut")
    assert failed.now == START + 1800
    rejected = asked(timeout="30m", onTimeout="Reject").play()
    assert (rejected.phase("ask"), rejected.reason("ask")) == ("Failed", "Rejected")
    approved = asked(timeout="30m", onTimeout="Approve").play()
    assert approved.phases == {"ask": "Succeeded", "go": "Succeeded"}
    assert asked().play().now == START + 24 * 3600


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


def test_inputs_that_are_too_large_count_for_nothing_and_say_so() -> None:
    schema = {"properties": {"hosts": {"type": "array", "uniqueItems": True}}}
    world = asked(inputs=schema)
    world.decide("ask", "ana", at=30, inputs={"hosts": list(range(8_000))})
    world.decide("ask", "bob", at=60, groups=["sre"], inputs={"hosts": list(range(800))})
    messages: list[str] = []
    world.at.append((START + 50, lambda now: messages.append(now.run.records["ask"].message)))
    world.play()
    assert "ana gave inputs that cannot be stored: a value exceeds 4 KiB" in messages[0]
    assert world.run.records["ask"].outputs["by"] == ["bob"]
