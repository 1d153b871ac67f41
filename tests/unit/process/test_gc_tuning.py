"""Pauses of the garbage collector, in objects visited at once."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import pytest

from orchestrator.engine.lifecycle.admission import Prepared, prepare
from orchestrator.expressions import compile_expression
from orchestrator.expressions.caching import MAX_WEIGHT
from orchestrator.process.gc_tuning import limit_pauses

MAX_VISITED = 40_000
"""Objects; about 50 ms on a busy machine."""


@pytest.fixture
def visited() -> Iterator[list[int]]:
    """How many objects each collection visits, other than those of all objects."""
    counts: list[int] = []

    def count(phase: str, collection: dict[str, Any]) -> None:
        if phase == "start" and collection["generation"] < 2:
            young = range(collection["generation"] + 1)
            counts.append(sum(len(gc.get_objects(generation=number)) for number in young))

    before = gc.get_threshold()
    limit_pauses()
    gc.callbacks.append(count)
    try:
        yield counts
    finally:
        gc.callbacks.remove(count)
        gc.set_threshold(*before)
        gc.unfreeze()


def test_no_collection_visits_all_expressions_or_nodes_of_a_workflow_at_once(
    visited: list[int],
) -> None:
    """More expressions than the cache keeps, so that each replaces another, and many nodes."""
    for number in range(2 * MAX_WEIGHT // 240):
        compile_expression("[" + "1<1," * 60 + f"{number}]")
    spec = {"nodes": [{"name": f"n{number}", "condition": "true"} for number in range(2_000)]}
    prepared = [prepare("main", spec, {}, "runner") for _ in range(2)]
    assert all(isinstance(each, Prepared) for each in prepared)
    assert visited
    assert max(visited) < MAX_VISITED
