"""What a status can hold: a large output fails the node that has it, never a later one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from orchestrator.engine.ranges import format_ranges
from orchestrator.engine.status.record_codec import record_to_status
from orchestrator.engine.status.records import Record
from orchestrator.kube.client import ApiError, Raw
from orchestrator.models.execution import NodePhase, NodeRecord
from tests.builders import action, graph
from tests.simulation.faults import FaultyTransport
from tests.simulation.operator_harness import manifest, run_to_end, store_with
from tests.simulation.scenario import NAMESPACE
from tests.simulation.scripts import play
from tests.simulation.store import Store
from tests.simulation.world import Result, World

RUN = ("workflowexecutions", NAMESPACE, "run")
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


class _Etcd(FaultyTransport):
    """Takes no object over 1.5 MiB."""

    async def exchange(
        self, verb: str, path: str, query: Any, data: bytes | None, *rest: Any
    ) -> Raw:
        if verb == "patch" and path.endswith("/run/status"):
            assert data is not None
            size = len(orjson.dumps(self.store.objects[RUN])) + len(data)
            if size > 1.5 * 1024 * 1024:
                raise ApiError(500, "InternalError", "etcdserver: request is too large")
        return await super().exchange(verb, path, query, data, *rest)


def _large(variables: int, outputs: int) -> Store:
    """An execution with so many variables of 60 kB, and as many outputs of the first."""
    names = [f"v{number}" for number in range(variables)]
    flow = {
        "variables": [{"name": name, "type": "string"} for name in names],
        "nodes": [{"name": "only", "action": "local/task"}],
        "outputs": [{"name": f"o{number}", "value": "vars.v0"} for number in range(outputs)],
    }
    store = store_with(manifest("Workflow", "main", flow))
    store.remove(RUN)
    given = dict.fromkeys(names, "x" * 60000)
    spec = {"workflow": "main", "variables": given}
    store.create("workflowexecutions", NAMESPACE, manifest("WorkflowExecution", "run", spec))
    return store


async def test_outputs_that_no_status_can_hold_fail_the_execution_in_words() -> None:
    store = _large(1, 4)
    fits = await run_to_end(store, _Etcd(store))
    assert len(fits["status"]["outputs"]) == 4
    store = _large(1, 30)
    raw = await run_to_end(store, _Etcd(store))
    assert (raw["status"]["phase"], raw["status"]["reason"]) == ("Failed", "StatusBudget")
    assert "spec.outputs: 1,8" in raw["status"]["message"]
    assert raw["status"]["nodes"]["only"]["phase"] == "Succeeded"


async def test_variables_that_no_status_can_hold_are_refused_in_words() -> None:
    store = _large(16, 0)
    raw = await run_to_end(store, _Etcd(store))
    assert (raw["status"]["phase"], raw["status"]["reason"]) == ("Failed", "InvalidVariables")
    assert "the values are 960,032 bytes together" in raw["status"]["message"]
