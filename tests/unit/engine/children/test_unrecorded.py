"""When sub-executions may run that no record waits for: they are listed before the end."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from orchestrator.engine.children.unrecorded import may_be_unrecorded
from orchestrator.engine.decisions import Pass
from orchestrator.engine.graph import GraphNode, NodeKind
from orchestrator.engine.status.records import Cancelling, Record
from orchestrator.models.execution import NodePhase
from orchestrator.models.reasons import Reason

NODE = cast("GraphNode", type("Node", (), {"name": "n", "kind": NodeKind.WORKFLOW})())
STOPPED = Cancelling(0.0, Reason.EXECUTION_TIMED_OUT, "")


@pytest.mark.parametrize(
    ("phase", "fields", "listed"),
    [
        (NodePhase.CANCELLED, {}, True),
        (NodePhase.CANCELLED, {"items": 3}, True),
        (NodePhase.CANCELLED, {"execution": "child"}, False),
        (NodePhase.TIMED_OUT, {"items": 3, "completed": "0"}, True),
        (NodePhase.FAILED, {"reason": Reason.QUOTA_EXCEEDED}, True),
        (NodePhase.FAILED, {"execution": "child"}, False),
        (NodePhase.FAILED, {"execution": "child", "attempts": 2}, True),
        (NodePhase.SUCCEEDED, {"items": 3, "completed": "0-2"}, False),
        (NodePhase.SUCCEEDED, {"items": 3, "completed": "0-1", "failed": "2"}, True),
        (NodePhase.SKIPPED, {}, True),
    ],
)
def test_only_a_record_that_names_all_of_them_costs_no_list(
    phase: NodePhase, fields: dict[str, Any], *, listed: bool
) -> None:
    record = replace(Record(phase, attempts=1), **fields)
    assert may_be_unrecorded(NODE, record, Pass({}, cancelling=STOPPED)) is listed


def test_a_node_that_its_branch_skipped_never_had_one() -> None:
    assert not may_be_unrecorded(NODE, Record(NodePhase.SKIPPED), Pass({}))
