"""What a re-run runs again, and what it takes over."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.engine.graph import Graph
from orchestrator.engine.lifecycle.admission import Prepared, Refusal, prepare
from orchestrator.engine.lifecycle.rerun import Source, reused_records, source_of
from orchestrator.engine.lifecycle.revision import thaw
from tests.builders import IMAGE, action, chain, edge, graph, template

TASK = template().model_dump(mode="json", by_alias=True, exclude_unset=True)

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
    found = reused_records(compiled, source, start)
    assert isinstance(found, dict), found
    return set(found)


def test_a_half_failed_chain_goes_on_where_it_failed() -> None:
    compiled = graph(*(action(name) for name in "abcd"), edges=chain("a", "b", "c", "d"))
    source = records(a="Succeeded", b="Succeeded", c="Failed", d="Skipped/Blocked")
    assert taken(compiled, source, "c") == {"a", "b"}
    found = reused_records(compiled, source, ["c"])
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


ASK = {"approval": {"approvers": ["group:sre"]}}


def frozen(*nodes: dict[str, Any], edges: list[dict[str, Any]], **workflows: Any) -> Graph:
    """A workflow as a re-run has it: with its sub-workflows, out of its revision."""
    spec = {"nodes": list(nodes), "edges": edges}
    children = {name: {"nodes": child} for name, child in workflows.items()}
    prepared = prepare("flow", spec, {"task": TASK}, IMAGE, children)
    assert isinstance(prepared, Prepared), prepared
    return thaw(prepared.revision.name, prepared.revision.data)


def child(name: str, workflow: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "workflow": {"name": workflow}, **fields}


def all_succeeded(compiled: Graph) -> Source:
    return records(**dict.fromkeys(compiled.nodes, "Succeeded"))


def test_an_approval_inside_a_sub_workflow_is_asked_again() -> None:
    compiled = frozen(
        child("gate", "asks"),
        action("deploy"),
        edges=chain("gate", "deploy"),
        asks=[{"name": "ask", **ASK}],
    )
    assert taken(compiled, all_succeeded(compiled), "deploy") == set()


def test_an_approval_three_sub_workflows_deep_is_asked_again_and_others_are_reused() -> None:
    compiled = frozen(
        action("build"),
        child("test", "plain"),
        child("gate", "outer"),
        action("deploy"),
        edges=chain("build", "test", "gate", "deploy"),
        plain=[action("a")],
        outer=[child("a", "middle")],
        middle=[child("a", "inner")],
        inner=[action("a"), {"name": "ask", **ASK}],
    )
    assert taken(compiled, all_succeeded(compiled), "deploy") == {"build", "test"}


def test_an_approval_inside_a_fan_out_of_sub_workflows_is_asked_again() -> None:
    each = {"values": "[1, 2]", "as": "item"}
    compiled = frozen(
        child("gates", "asks", forEach=each),
        action("a"),
        action("deploy"),
        edges=chain("gates", "a", "deploy"),
        asks=[{"name": "ask", **ASK}],
    )
    assert taken(compiled, all_succeeded(compiled), "deploy") == set()


def test_workflows_that_contain_each_other_are_searched_once() -> None:
    compiled = frozen(
        child("gate", "one"),
        child("other", "plain"),
        action("deploy"),
        edges=[*chain("gate", "deploy"), *chain("other", "deploy")],
        one=[child("a", "two")],
        two=[child("a", "one"), {"name": "ask", **ASK}],
        plain=[child("a", "plain")],
    )
    assert taken(compiled, all_succeeded(compiled), "deploy") == {"other"}


def test_a_sub_workflow_that_asks_and_is_not_upstream_is_reused() -> None:
    compiled = frozen(
        child("gate", "asks"),
        action("deploy"),
        action("other"),
        edges=chain("gate", "deploy"),
        asks=[{"name": "ask", **ASK}],
    )
    assert taken(compiled, all_succeeded(compiled), "other") == {"gate", "deploy"}


def test_an_approval_behind_a_skipped_branch_is_asked_again_where_it_is_upstream() -> None:
    compiled = frozen(
        {"name": "big", "condition": "true"},
        child("gate", "asks"),
        action("deploy", join="Any"),
        edges=[edge("big", "gate"), edge("big", "deploy", "Else"), edge("gate", "deploy")],
        asks=[{"name": "ask", **ASK}],
    )
    source = records(big="Succeeded", gate="Skipped/BranchNotChosen", deploy="Failed")
    assert taken(compiled, source, "deploy") == {"big"}


def test_an_approval_that_a_wait_reads_is_upstream_without_an_edge() -> None:
    compiled = frozen(
        {"name": "ask", **ASK},
        {"name": "agreed", "wait": {"until": "nodes.ask.phase == 'Succeeded'"}},
        action("deploy"),
        action("other"),
        edges=chain("agreed", "deploy"),
    )
    assert taken(compiled, all_succeeded(compiled), "deploy") == {"other"}


def test_a_re_run_of_a_re_run_asks_again_too() -> None:
    compiled = frozen(
        child("gate", "asks"),
        action("deploy"),
        edges=chain("gate", "deploy"),
        asks=[{"name": "ask", **ASK}],
    )
    source = records(gate="Succeeded/Reused", deploy="Succeeded")
    assert taken(compiled, source, "deploy") == set()


def test_what_runs_again_is_found_at_once_in_the_largest_graph() -> None:
    names = [f"n{number}" for number in range(2000)]
    zigzag = [edge(names[at], names[at + 1]) for at in range(0, 1999, 2)]
    zigzag += [edge(names[at], names[at + 3]) for at in range(0, 1997, 2)]
    nodes = [
        {"name": name, **ASK} if at % 2 == 0 else action(name) for at, name in enumerate(names)
    ]
    compiled = graph(*nodes, edges=zigzag)
    assert taken(compiled, all_succeeded(compiled), names[1]) == set()


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
    refusal = reused_records(graph(action("check")), records(check="Failed"), ["chekc"])
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
