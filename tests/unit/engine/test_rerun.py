"""What a re-run runs again, and what it takes over."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.engine.admission import Refusal
from orchestrator.engine.rerun import Source, source_of, take_over
from tests.builders import action, chain, edge, graph

ENDED: dict[str, Any] = {
    "spec": {"workflow": "flow"},
    "status": {"phase": "Failed", "revision": "flow-1", "variables": {"a": 1}, "nodes": {}},
}


def records(**phases: str) -> Source:
    nodes = {}
    for name, phase in phases.items():
        phase, _, reason = phase.partition("/")
        nodes[name] = {
            "phase": phase,
            "reason": reason,
            "outputs": {"of": name},
            "job": f"job-{name}",
        }
    return Source("flow-1", {}, nodes)


def taken(compiled: Any, source: Source, *start: str) -> set[str]:
    found = take_over(compiled, source, start)
    assert isinstance(found, dict), found
    return set(found)


def test_a_half_failed_chain_goes_on_where_it_failed() -> None:
    compiled = graph(*(action(name) for name in "abcd"), edges=chain("a", "b", "c", "d"))
    source = records(a="Succeeded", b="Succeeded", c="Failed", d="Skipped/Blocked")
    assert taken(compiled, source, "c") == {"a", "b"}
    found = take_over(compiled, source, ["c"])
    assert isinstance(found, dict)
    assert (found["a"].reason, found["a"].outputs, found["a"].job) == ("Reused", {"of": "a"}, "")


def test_what_follows_runs_again_though_it_succeeded() -> None:
    compiled = graph(*(action(name) for name in "abc"), edges=chain("a", "b", "c"))
    source = records(a="Succeeded", b="Succeeded", c="Succeeded")
    assert taken(compiled, source, "b") == {"a"}


def test_what_did_not_end_well_runs_again_without_being_named() -> None:
    compiled = graph(action("a"), action("b"), action("c"))
    source = records(a="Succeeded", b="Cancelled")
    assert taken(compiled, source, "a") == set()
    assert taken(compiled, records(a="Succeeded", b="TimedOut", c="Succeeded"), "b") == {"a", "c"}


def test_a_branch_that_was_not_chosen_stays_so() -> None:
    compiled = graph(
        {"name": "big", "condition": "true"},
        action("yes"),
        action("no"),
        edges=[edge("big", "yes"), edge("big", "no", "Else")],
    )
    source = records(big="Succeeded", yes="Failed", no="Skipped/BranchNotChosen")
    assert taken(compiled, source, "yes") == {"big", "no"}


def test_approvals_before_it_are_asked_again_with_what_follows_from_them() -> None:
    ask = {"name": "ask", "approval": {"approvers": ["user:ana"]}}
    compiled = graph(action("a"), ask, action("b"), action("c"), edges=chain("a", "ask", "b", "c"))
    source = records(a="Succeeded", ask="Succeeded", b="Succeeded", c="Failed")
    assert taken(compiled, source, "c") == {"a"}


def test_final_nodes_always_run() -> None:
    compiled = graph(action("a"), action("b"), action("tell"), finally_=["tell"])
    source = records(a="Succeeded", b="Failed", tell="Succeeded")
    assert taken(compiled, source, "b") == {"a"}


def test_with_a_workspace_every_action_runs_again() -> None:
    compiled = graph(
        {"name": "sum", "transform": {"x": "1"}}, action("a"), action("b"), workspace={}
    )
    source = records(sum="Succeeded", a="Succeeded", b="Failed")
    assert taken(compiled, source, "b") == {"sum"}


def test_an_unknown_node_is_refused_with_the_nearest() -> None:
    refusal = take_over(graph(action("check")), records(check="Failed"), ["chekc"])
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "InvalidRerun"
    assert "spec.rerunOf.from[0]" in refusal.message
    assert "did you mean 'check'" in refusal.message


@pytest.mark.parametrize(
    ("spec", "raw", "reason", "words"),
    [
        ({}, None, "RerunSourceGone", "there is no execution old"),
        ({}, {**ENDED, "spec": {"workflow": "other"}}, "InvalidRerun", "a run of other"),
        ({}, {**ENDED, "status": {"phase": "Running"}}, "InvalidRerun", "old is Running"),
        ({}, {**ENDED, "status": {"phase": "Failed"}}, "InvalidRerun", "before it ran anything"),
        ({"variables": {"a": 2}}, ENDED, "InvalidRerun", "spec.variables"),
    ],
)
def test_what_cannot_run_again_says_why(
    spec: dict[str, Any], raw: dict[str, Any] | None, reason: str, words: str
) -> None:
    asked = {"workflow": "flow", "rerunOf": {"name": "old", "from": ["a"]}, **spec}
    refusal = source_of(asked, raw)
    assert isinstance(refusal, Refusal)
    assert refusal.reason == reason
    assert words in refusal.message
