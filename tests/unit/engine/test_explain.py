"""Sentences that say why: for a node that ran, waits, was skipped, failed or goes on."""

from __future__ import annotations

from typing import Any

from orchestrator.engine.explain import explain_execution, explain_nodes
from orchestrator.engine.graph import Graph
from orchestrator.engine.status.execution_status import progress_patch
from orchestrator.engine.status.records import Record
from orchestrator.engine.times import from_rfc3339, to_rfc3339
from orchestrator.models.execution import DesiredState, ExecutionPhase, NodePhase
from tests.apiserver import merged
from tests.builders import action, chain, edge, graph
from tests.simulation.scripts import scripted
from tests.simulation.world import FAILURE, HANG, START, Result, World


def status_of(world: World) -> dict[str, Any]:
    """The execution as the API server has it at this moment."""
    patch = merged({}, progress_patch(world.graph, world.run, world.run.records, 1))
    spec: dict[str, Any] = {"workflow": "flow", "desiredState": world.run.desired_state.value}
    return {
        "metadata": {"name": "run", "namespace": "default", "uid": world.run.uid},
        "spec": spec,
        "status": {**patch, "startedAt": to_rfc3339(START), "variables": world.run.variables},
    }


def told(compiled: Graph, at: float, world: World | None = None, **results: Any) -> dict[str, str]:
    """What is said of each node so long after the start."""
    world = world or World(compiled, scripted(**results), {"big": True})
    seen: list[dict[str, str]] = []
    world.at.append(
        (START + at, lambda now: seen.append(explain_nodes(status_of(now), now.graph, now.now)))
    )
    world.play()
    return seen[0] if seen else explain_nodes(status_of(world), compiled, world.now)


def test_a_chain_in_the_middle() -> None:
    compiled = graph(action("a"), action("b"), action("c"), edges=chain("a", "b", "c"))
    said = told(compiled, 3, b=Result(seconds=60))
    assert said["a"] == "a ran because it has no dependencies, and succeeded after 1.0s."
    assert said["b"] == "b began because a succeeded. b has been Running for 2.0s: its pod runs."
    assert said["c"] == "c has not started: it waits for b (is Running)."


def test_branches_and_blocks_say_which_edge() -> None:
    compiled = graph(
        {"name": "big", "condition": "vars.big"},
        action("yes"),
        action("no"),
        action("after"),
        edges=[edge("big", "yes"), edge("big", "no", "Else"), edge("yes", "after")],
    )
    said = told(compiled, 1e9, yes=FAILURE)
    assert said["no"] == "no was skipped: the outcome of big is Then, and the edge requires Else."
    assert said["yes"].startswith(
        "yes ran because big succeeded, and failed after 1.0s (Failed): exit code 1."
    )
    assert said["yes"].endswith(
        "Not handled: no edge with outcome Failed was taken from it. What to do: Read "
        "`orchestrator logs` for the node; the exit code is in its status."
    )
    assert said["after"] == (
        "after was skipped: the edge from yes requires Succeeded, and it failed."
    )


def test_a_failure_that_was_handled_names_its_handler() -> None:
    compiled = graph(action("a"), action("rescue"), edges=[edge("a", "rescue", "Failed")])
    said = told(compiled, 1e9, a=FAILURE)
    assert said["a"].endswith("rescue handled it.")
    assert said["rescue"].startswith("rescue ran because a failed, and succeeded")


def test_a_retry_says_when_it_goes_on() -> None:
    compiled = graph(action("a", retry={"limit": 2, "backoff": {"initial": "1m"}}))
    said = told(compiled, 11, a=[FAILURE, FAILURE, Result()])
    assert "a continues in " in said["a"]
    assert "attempt 1 of 3: exit code 1" in said["a"]


def test_a_when_that_is_false_is_quoted() -> None:
    compiled = graph(action("a"), action("b"), edges=[edge("a", "b", when="not vars.big")])
    assert told(compiled, 1e9)["b"] == (
        "b was skipped: the edge from a requires `not vars.big`, which is false."
    )


def test_what_waits_for_people_or_signals_says_for_what() -> None:
    compiled = graph(
        {"name": "ask", "approval": {"approvers": ["group:sre"], "required": 2}, "timeout": "1h"},
        {"name": "go", "wait": {"signal": "ready"}, "timeout": "1h"},
        {"name": "rest", "delay": "2h"},
    )
    said = told(compiled, 600)
    assert "0 of 2 approved; asked: group:sre" in said["ask"]
    assert "(AwaitingApproval), for another 50m0s at most" in said["ask"]
    assert "go waits (AwaitingSignal), for another 50m0s at most: the signal ready." in said["go"]
    assert "rest waits 2h, another 1h50m." in said["rest"]


def test_a_fail_is_explained_by_its_message() -> None:
    compiled = graph(action("a"), {"name": "no", "fail": "undone"}, edges=chain("a", "no"))
    assert told(compiled, 600)["no"] == (
        "no ran because a succeeded, and failed after 0.0s (FailNode): undone. "
        "Not handled: no edge with outcome Failed was taken from it. "
        "What to do: See the nodes before it: what led to it is the failure."
    )


def test_what_keeps_a_node_from_starting_is_explained_with_what_to_do() -> None:
    compiled = graph(action("a"))
    world = World(compiled, scripted())
    held_up = Record(NodePhase.PENDING, reason="ImagePull", message="no such image", attempts=1)
    world.run = world.run.recorded({"a": held_up}, ExecutionPhase.RUNNING, None)
    said = explain_nodes(status_of(world), compiled, START + 60)["a"]
    assert "no such image. What to do: Make the registry reachable, or add its Secret." in said


def test_final_nodes_and_pauses_are_explained() -> None:
    compiled = graph(
        action("a"), action("b"), action("tell"), edges=chain("a", "b"), finally_=["tell"]
    )
    world = World(compiled, scripted())
    world.desire(DesiredState.PAUSED, at=0.5)
    world.desire(DesiredState.RUNNING, at=100)
    said = told(compiled, 50, world)
    assert said["b"] == "b has not started: the execution is paused."
    assert said["tell"] == (
        "tell has not started: it is in finally, which runs after all other nodes."
    )


def test_a_cancelled_node_says_by_what() -> None:
    compiled = graph(action("a"))
    world = World(compiled, scripted(a=HANG))
    world.desire(DesiredState.CANCELLED, at=5)
    said = told(compiled, 1e9, world)
    assert said["a"] == "a was cancelled (CancelRequested): the execution was cancelled."


def test_the_execution_itself() -> None:
    raw: dict[str, Any] = {"metadata": {"name": "run"}, "spec": {"workflow": "w"}}
    assert "has not started (Pending): the operator has not reconciled" in explain_execution(
        raw, START
    )
    raw["status"] = {"phase": "Queued", "reason": "ConcurrencyLimit", "message": "at most 2"}
    assert explain_execution(raw, START) == "run has not started (ConcurrencyLimit): at most 2."
    raw["status"] = {"phase": "Failed", "reason": "InvalidSpec", "message": "spec.nodes: …"}
    assert explain_execution(raw, START).startswith("run ended Failed before it ran anything")
    raw["status"] = {
        "phase": "Running",
        "startedAt": to_rfc3339(START),
        "progress": "3/12",
    }
    said = explain_execution(raw, START + 250)
    assert said == "run has been Running for 4m10s, 3/12 nodes have ended."
    raw["status"] |= {"phase": "Succeeded", "finishedAt": to_rfc3339(START + 12), "message": "ok"}
    assert explain_execution(raw, START) == "run ended Succeeded after 12s: ok."


def test_an_execution_that_no_operator_has_seen_says_how_to_check_the_operator() -> None:
    raw: dict[str, Any] = {
        "metadata": {"name": "run", "creationTimestamp": "2026-01-31T12:00:00Z"},
        "spec": {"workflow": "w"},
    }
    created = from_rfc3339("2026-01-31T12:00:00Z")
    assert "kubectl" not in explain_execution(raw, created + 5)
    assert explain_execution(raw, created + 90) == (
        "run has not started (Pending): the operator has not reconciled it for 1m30s; check that"
        " it is running: `kubectl get deployments -A -l"
        " app.kubernetes.io/part-of=itechsmart-workflow`."
    )


def test_an_execution_that_waits_for_an_object_says_what_to_do() -> None:
    raw: dict[str, Any] = {"metadata": {"name": "run"}, "spec": {"workflow": "w"}}
    raw["status"] = {"phase": "Pending", "reason": "TemplateNotFound", "message": "no Template 'x'"}
    assert explain_execution(raw, START).startswith(
        "run has not started (TemplateNotFound): no Template 'x'. What to do: Apply the Template"
    )


def test_an_execution_that_the_history_has_says_so() -> None:
    recorded = {"type": "Recorded", "status": "True"}
    status: dict[str, Any] = {
        "phase": "Succeeded",
        "message": "all nodes succeeded",
        "startedAt": to_rfc3339(START),
        "finishedAt": to_rfc3339(START + 3),
    }
    raw = {"metadata": {"name": "run"}, "status": status}
    said = "run ended Succeeded after 3.0s: all nodes succeeded."
    assert explain_execution(raw, START) == said
    raw["status"] = {**status, "conditions": [recorded]}
    assert explain_execution(raw, START) == f"{said} The history has recorded it."
