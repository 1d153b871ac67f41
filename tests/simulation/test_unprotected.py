"""Decisions and signals while the admission policies are not in place: they never count."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.engine.people.protection import POLICY_SETTLE_SECONDS, Policies
from orchestrator.engine.people.trust import trust_at_admission
from tests.builders import graph
from tests.simulation.approvals import asked, by
from tests.simulation.scripts import scripted
from tests.simulation.world import START, World

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
