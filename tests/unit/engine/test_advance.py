"""What one pass over an execution decides, and what has to be stored before it is done."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.engine.advance import nodes_to_reconcile
from orchestrator.engine.decisions import ControlChild, CreateChild, CreateJob, StopJob
from orchestrator.engine.graph import Graph
from orchestrator.engine.observed import Attempt, AttemptState
from orchestrator.engine.status.records import Cancelling, Record
from orchestrator.models.execution import DesiredState, ExecutionPhase, NodePhase
from orchestrator.models.reasons import Reason
from tests.builders import action, chain, edge, graph
from tests.engine import NOW, SUCCEEDED, decide, run_of
from tests.strategies import graphs

RUNNING = Record(NodePhase.RUNNING, "JobCreated", attempts=1, started_at=NOW, job="j")
CHAIN = graph(action("a"), action("b"), edges=chain("a", "b"))
ENDED = Attempt(AttemptState.SUCCEEDED, finished_at=NOW, job="j")
BROKEN = Attempt(AttemptState.FAILED, message="exit code 1", finished_at=NOW, job="j")


def test_a_node_that_ran_is_not_pending_again_while_its_pods_end_is_on_its_way() -> None:
    """A Job's count of ready pods falls to 0 before the end of its pod is seen."""
    record = Record(NodePhase.RUNNING, attempts=1, job="j", started_at=NOW)
    observed = {("a", 1): Attempt(AttemptState.PENDING, job="j")}
    decided = decide(graph(action("a")), {"a": record}, observed, now=NOW + 1, scan=False)
    assert decided.records == {}


def test_a_fan_out_found_after_a_crash_has_the_items_of_its_job() -> None:
    """Without them it would have succeeded at once: all of no items."""
    fan = action("fan", forEach={"values": "[1, 2, 3]", "as": "it"})
    found = Attempt(AttemptState.PENDING, reason="JobCreated", job="j", items=3)
    decided = decide(graph(fan), observed={("fan", 1): found})
    assert decided.records["fan"].items == 3
    assert decided.records["fan"].job == "j"


def test_a_paused_execution_records_a_job_made_before_and_the_instant_nodes_that_led_to_it() -> (
    None
):
    """A crash lost the status of the pass that had decided them, and a pause came in between."""
    sums = {"name": "sum", "transform": {"total": "1 + 1"}}
    other = {"name": "other", "transform": {"total": "2 + 2"}}
    compiled = graph(sums, action("a"), other, edges=chain("sum", "a"))
    found = Attempt(AttemptState.PENDING, reason="JobCreated", job="j")
    decided = decide(compiled, {}, {("a", 1): found}, desired_state=DesiredState.PAUSED)
    assert decided.records["sum"].phase is NodePhase.SUCCEEDED
    assert decided.records["a"].job == "j"
    assert "other" not in decided.records


# What is created before the status is stored, and what after


def test_a_sub_execution_is_created_only_once_its_record_is_stored() -> None:
    child = {"name": "sub", "workflow": {"name": "child"}}
    decided = decide(graph(child, action("a")), {}, scan=True)
    assert [step.node for step in decided.before if isinstance(step, CreateJob)] == ["a"]
    assert [step.node for step in decided.after if isinstance(step, CreateChild)] == ["sub"]
    assert decided.urgent


def test_what_follows_from_evidence_is_created_before_it_is_stored() -> None:
    decided = decide(CHAIN, {"a": RUNNING}, {("a", 1): ENDED}, scan=False)
    assert decided.before == (CreateJob("b", 1, {}),)
    assert decided.after == ()
    assert not decided.urgent
    assert decided.transition


def test_what_follows_from_the_clock_is_created_after_it_is_stored() -> None:
    compiled = graph({"name": "a", "delay": "5s"}, action("b"), edges=chain("a", "b"))
    waiting = Record(NodePhase.WAITING, Reason.DELAYED, started_at=NOW)
    decided = decide(compiled, {"a": waiting}, now=NOW + 5, scan=False)
    assert decided.before == ()
    assert decided.after == (CreateJob("b", 1, {}),)
    assert decided.urgent


def test_a_further_attempt_is_created_after_it_is_stored() -> None:
    backoff = replace(RUNNING, phase=NodePhase.WAITING, retry_at=NOW)
    decided = decide(CHAIN, {"a": backoff}, scan=False)
    assert decided.after == (CreateJob("a", 2, {}),)
    assert decided.records["a"].attempts == 2
    assert decided.records["a"].job == ""


def test_what_only_shows_progress_is_neither_urgent_nor_a_transition() -> None:
    pending = Record(NodePhase.PENDING, Reason.STARTING, attempts=1, started_at=NOW)
    seen = {("a", 1): Attempt(AttemptState.PENDING, "Unschedulable", "no room", job="j")}
    decided = decide(CHAIN, {"a": pending}, seen, scan=False)
    assert decided.records["a"].reason == "Unschedulable"
    assert (decided.urgent, decided.transition) == (False, False)


def test_a_running_node_says_while_its_cluster_node_does_not_report() -> None:
    silent = Attempt(AttemptState.RUNNING, Reason.NODE_NOT_READY, "worker is silent", job="j")
    decided = decide(CHAIN, {"a": RUNNING}, {("a", 1): silent}, scan=False)
    record = decided.records["a"]
    assert (record.phase, record.reason) == (NodePhase.RUNNING, "NodeNotReady")
    unknown = Attempt(AttemptState.PENDING, job="j")  # the operator has just restarted
    assert not decide(CHAIN, {"a": record}, {("a", 1): unknown}, scan=False).records
    back = Attempt(AttemptState.RUNNING, job="j")
    record = decide(CHAIN, {"a": record}, {("a", 1): back}, scan=False).records["a"]
    assert (record.phase, record.reason, record.message) == (NodePhase.RUNNING, "", "")


def test_an_attempt_given_up_by_the_clock_is_stored_before_its_job_is_stopped() -> None:
    decided = decide(graph(action("a", timeout="1s")), {"a": RUNNING}, {("a", 1): Attempt(
        AttemptState.RUNNING, job="j")}, now=NOW + 3600, scan=False)  # fmt: skip
    assert decided.after == (StopJob("a", 1, force=True),)
    assert decided.records["a"].phase is NodePhase.TIMED_OUT
    assert decided.urgent


def test_outputs_lost_after_something_followed_from_them_fail_nothing() -> None:
    lost = Attempt(AttemptState.FAILED, Reason.OUTPUTS_LOST, permanent=True, job="j")
    alone = decide(CHAIN, {"a": RUNNING}, {("a", 1): lost}, scan=False)
    assert alone.records["a"].phase is NodePhase.FAILED
    follow_up = {("a", 1): lost, ("b", 1): Attempt(AttemptState.RUNNING, job="k")}
    followed = decide(CHAIN, {"a": RUNNING}, follow_up, scan=False)
    assert followed.records["a"].phase is NodePhase.SUCCEEDED
    assert followed.records["a"].reason == Reason.OUTPUTS_LOST
    assert followed.records["b"].job == "k"


# Which nodes a pass reconciles


def test_without_a_scan_only_what_follows_from_a_change_is_considered() -> None:
    compiled = graph(action("a"), action("b"))
    assert decide(compiled, {"a": RUNNING}, {("a", 1): ENDED}, scan=False).before == ()
    assert decide(compiled, {"a": RUNNING}, {("a", 1): ENDED}).before == (CreateJob("b", 1, {}),)


def test_only_nodes_with_events_are_reconciled_and_those_that_ask_for_a_condition() -> None:
    wait = {"name": "w", "wait": {"until": "nodes.a.phase == 'Succeeded'"}}
    compiled = graph(action("a"), action("b"), wait)
    waiting = Record(NodePhase.WAITING, started_at=NOW)
    run = run_of({"a": RUNNING, "b": RUNNING, "w": waiting})
    assert set(nodes_to_reconcile(compiled, run, {"b"})) == {"b", "w"}
    assert set(nodes_to_reconcile(compiled, run, None)) == {"a", "b", "w"}


# Pause, cancel, failures


def test_a_paused_execution_creates_nothing_and_asks_for_a_scan_when_it_goes_on() -> None:
    paused = DesiredState.PAUSED
    held = decide(CHAIN, {"a": RUNNING}, {("a", 1): ENDED}, scan=False, desired_state=paused)
    assert (held.phase, held.before, held.after) == (ExecutionPhase.PAUSED, (), ())
    assert set(held.records) == {"a"}
    resumed = decide(CHAIN, {"a": SUCCEEDED}, scan=False, phase=ExecutionPhase.PAUSED)
    assert resumed.phase is ExecutionPhase.RUNNING
    assert [step.node for step in resumed.before + resumed.after] == ["b"]


def test_a_pause_is_handed_down_once_it_is_stored_and_its_end_before() -> None:
    compiled = graph({"name": "sub", "workflow": {"name": "other"}})
    record = replace(RUNNING, job="", execution="e")
    seen = {("sub", 1): Attempt(AttemptState.RUNNING, execution="e", made_at=NOW)}
    down = decide(compiled, {"sub": record}, seen, desired_state=DesiredState.PAUSED)
    assert down.after == (ControlChild("sub", 1, DesiredState.PAUSED),)
    up = decide(compiled, {"sub": record}, seen, phase=ExecutionPhase.PAUSED)
    assert up.before == (ControlChild("sub", 1, DesiredState.RUNNING),)


def test_a_cancelled_execution_stops_what_runs_and_ends_with_it() -> None:
    cancelled = DesiredState.CANCELLED
    working = {("a", 1): Attempt(AttemptState.RUNNING, job="j")}
    decided = decide(CHAIN, {"a": RUNNING}, working, desired_state=cancelled)
    assert decided.after == (StopJob("a", 1, force=False),)
    assert decided.ending is None
    cause = Cancelling(NOW, Reason.CANCEL_REQUESTED, "the execution was cancelled")
    ended = decide(
        CHAIN, {"a": RUNNING}, {("a", 1): BROKEN}, desired_state=cancelled, cancelling=cause
    )
    assert ended.records["a"].phase is NodePhase.CANCELLED
    assert ended.ending is not None
    assert ended.ending.phase is ExecutionPhase.CANCELLED


@pytest.mark.parametrize(
    ("policy", "reason"),
    [("Stop", Reason.FAILURE_STOPPED), ("Cancel", Reason.FAILURE_CANCELLED), ("Finish", None)],
)
def test_on_failure_applies_to_an_unhandled_failure(policy: str, reason: str | None) -> None:
    compiled = graph(action("a"), action("b"), onFailure=policy)
    decided = decide(compiled, {"a": RUNNING, "b": RUNNING}, {("a", 1): BROKEN}, scan=False)
    assert (decided.cancelling and decided.cancelling.reason) == reason
    handled = graph(action("a"), action("b"), edges=[edge("a", "b", "Failed")], onFailure=policy)
    assert decide(handled, {"a": RUNNING}, {("a", 1): BROKEN}, scan=False).cancelling is None


# The end


def test_an_execution_ends_with_its_last_node_and_counts_unhandled_failures() -> None:
    well = decide(CHAIN, {"a": SUCCEEDED, "b": RUNNING}, {("b", 1): ENDED}, scan=False)
    assert well.ending is not None
    assert (well.ending.phase, well.ending.reason) == (ExecutionPhase.SUCCEEDED, "Completed")
    badly = decide(CHAIN, {"a": SUCCEEDED, "b": RUNNING}, {("b", 1): BROKEN}, scan=False)
    assert badly.ending is not None
    assert badly.ending.message == "b Failed: exit code 1"
    assert decide(CHAIN, {"a": SUCCEEDED, "b": RUNNING}, scan=False).ending is None


def test_what_finally_starts_waits_until_the_outcome_is_stored() -> None:
    compiled = graph(action("a"), action("last"), finally_=["last"])
    decided = decide(compiled, {"a": RUNNING}, {("a", 1): ENDED}, scan=False)
    assert decided.settled is not None
    assert decided.settled.phase is ExecutionPhase.SUCCEEDED
    assert (decided.before, decided.after) == ((), (CreateJob("last", 1, {}),))
    assert decided.ending is None


def test_outputs_are_computed_at_the_end_and_fail_it_with_their_path() -> None:
    def ending(value: str) -> Any:
        outputs = [{"name": "x", "value": value}]
        return decide(graph(action("a"), outputs=outputs), {"a": SUCCEEDED}).ending

    assert ending("1 + 1").outputs == {"x": 2}
    assert ending("vars.none").phase is ExecutionPhase.FAILED
    assert ending("vars.none").message.startswith("spec.outputs[0].value: ")


# What always holds


@given(
    compiled=graphs(),
    ends=st.lists(st.sampled_from(list(AttemptState)), min_size=12, max_size=12),
    desired=st.sampled_from(list(DesiredState)),
    after=st.sampled_from([0.0, 6.0, 30.0]),
)
def test_nothing_is_created_on_ground_that_is_not_stored(
    compiled: Graph, ends: list[AttemptState], desired: DesiredState, after: float
) -> None:
    """What is created before the write rests on ends that were stored or cannot change."""
    given: dict[str, Any] = {"variables": {"yes": True, "no": False}, "desired_state": desired}
    first = decide(compiled, **given)
    observed = {
        (name, 1): Attempt(state, finished_at=NOW, job="j")
        for (name, record), state in zip(first.records.items(), ends, strict=False)
        if record.attempts == 1 and record.phase is NodePhase.PENDING
    }
    stored: dict[str, Any] = {
        "phase": first.phase,
        "cancelling": first.cancelling,
        "settled": first.settled,
    }
    second = decide(
        compiled, first.records, observed, now=NOW + after, scan=False, **given, **stored
    )
    evidence = {name for name, _ in observed}
    for step in second.before:
        for incoming in compiled.nodes[step.node].incoming:
            if incoming.source in second.records:
                instant = compiled.nodes[incoming.source].kind.instant
                assert instant or incoming.source in evidence or _skipped(second.records, incoming)
    assert {step.node for step in second.before}.isdisjoint(step.node for step in second.after)
    if desired in (DesiredState.CANCELLED, DesiredState.TERMINATED):
        assert all(compiled.nodes[step.node].final for step in second.before)


def _skipped(records: Any, incoming: Any) -> bool:
    return records[incoming.source].phase is NodePhase.SKIPPED


@given(compiled=graphs(), desired=st.sampled_from(list(DesiredState)))
def test_the_same_state_gives_the_same_decisions(compiled: Graph, desired: DesiredState) -> None:
    given: dict[str, Any] = {"variables": {"yes": True, "no": False}, "desired_state": desired}
    assert decide(compiled, **given) == decide(compiled, **given)
