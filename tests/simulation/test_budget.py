"""What a status can hold: a large output fails the node that has it, never a later one."""

from __future__ import annotations

from collections.abc import Callable

import orjson
import pytest

from orchestrator.engine.ranges import format_ranges
from orchestrator.engine.records import Record, record_to_status
from orchestrator.models.execution import NodePhase, NodeRecord
from tests.builders import action, graph
from tests.simulation.test_runs import play
from tests.simulation.world import Result, World

LARGE = Result(outputs={"items": ["x" * 1000] * 100})


def test_the_node_whose_outputs_no_status_can_hold_fails() -> None:
    compiled = graph(*(action(name) for name in "abc"))
    world = play(compiled, a=LARGE, b=LARGE, c=LARGE)
    assert sorted(world.phases.values()) == ["Failed", "Succeeded", "Succeeded"]
    failed = next(record for record in world.run.records.values() if record.phase == "Failed")
    assert failed.reason == "StatusBudget"
    assert "262,144" in failed.message


def test_a_graph_of_the_most_nodes_fits_whatever_its_nodes_say() -> None:
    compiled = graph(*(action(f"n{index}") for index in range(2000)))
    chatty = Result(Result().state, message="x" * 500, outputs={"items": ["y" * 300]})
    world = World(compiled, lambda _node, _attempt: chatty).play()
    written = {name: record_to_status(record) for name, record in world.run.records.items()}
    assert len(orjson.dumps(written)) < 1024 * 1024


PATTERNS: dict[str, Callable[[int], bool]] = {
    "every other": lambda item: item % 2 == 0,
    "two of three": lambda item: item % 3 < 2,
    "one of three": lambda item: item % 3 == 0,
    "all": lambda _: True,
}


@pytest.mark.parametrize("pattern", PATTERNS)
def test_ten_thousand_items_fit_in_sixty_four_kib_whichever_of_them_failed(pattern: str) -> None:
    items, succeeds = range(10_000), PATTERNS[pattern]
    record = Record(
        NodePhase.FAILED,
        message="x" * 256,
        attempts=1,
        items=len(items),
        completed=format_ranges(item for item in items if succeeds(item)),
        failed=format_ranges(item for item in items if not succeeds(item)),
    )
    written = record_to_status(record)
    assert len(orjson.dumps(written)) < 64 * 1024
    NodeRecord.model_validate(written)  # as the API server will
