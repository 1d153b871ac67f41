"""One look at an execution, and what it decides."""

from __future__ import annotations

from orchestrator.engine.advance import advance
from orchestrator.engine.observed import Attempt, AttemptState
from orchestrator.engine.records import Record, Run
from orchestrator.models.execution import ExecutionPhase, NodePhase
from tests.builders import action, graph

NOW = 1_800_000_000.0


def test_a_node_that_ran_is_not_pending_again_while_its_pods_end_is_on_its_way() -> None:
    """A Job's count of ready pods falls to 0 before the end of its pod is seen."""
    record = Record(NodePhase.RUNNING, attempts=1, job="j", started_at=NOW)
    run = Run("run", "default", "uid", "flow", started_at=NOW, variables={})
    run = run.recorded({"a": record}, ExecutionPhase.RUNNING, None)
    observed = {("a", 1): Attempt(AttemptState.PENDING, job="j")}
    assert advance(graph(action("a")), run, observed, NOW + 1, scan=False).records == {}


def test_a_fan_out_found_after_a_crash_has_the_items_of_its_job() -> None:
    """Without them it would have succeeded at once: all of no items."""
    fan = action("fan", forEach={"values": "[1, 2, 3]", "as": "it"})
    run = Run("run", "default", "uid", "flow", started_at=NOW, variables={})
    found = Attempt(AttemptState.PENDING, reason="JobCreated", job="j", items=3)
    decided = advance(graph(fan), run, {("fan", 1): found}, NOW, scan=True)
    assert decided.records["fan"].items == 3
    assert decided.records["fan"].job == "j"
