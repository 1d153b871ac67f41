"""The benchmark's own arithmetic: steps between pods, and the columns of its table."""

from __future__ import annotations

from typing import Any, cast

import orjson
import pytest

from dev.bench.client import Api
from dev.bench.floor import Floor
from dev.bench.metrics import NODES
from dev.bench.realpods import PodMoments, Watcher, steps
from dev.bench.report import Results, table
from dev.bench.shapes import Shape

CHAINS = Shape("chains", "two chains", 2, length=2)


def test_a_step_goes_from_a_pods_creation_to_the_next_one() -> None:
    chain = [PodMoments(10.0, 10.5, 11.0), PodMoments(11.1, 11.7, 11.7), PodMoments(12.7)]
    found = steps(chain)
    parts = [(step.before_start, step.running, step.to_next) for step in found]
    assert [tuple(round(part, 3) for part in each) for each in parts] == [
        (0.5, 0.5, 0.1), (0.6, 0.0, 1.0),
    ]  # fmt: skip
    assert [round(step.seconds, 3) for step in found] == [1.1, 1.6]


def test_of_pods_side_by_side_the_one_that_ends_last_is_followed() -> None:
    fork = [PodMoments(0.0, 1.0, 2.0), PodMoments(2.1, 3.0, 4.0), PodMoments(2.1, 3.0, 5.0)]
    found = steps([*fork, PodMoments(5.2, 6.0, 7.0)])
    assert [round(step.to_next, 3) for step in found] == [0.1, 0.1, 0.2]


def test_each_contender_has_a_column() -> None:
    results = Results()
    for name, value in (("floor", 80.0), ("floor with our Job", 70.0), ("operator", 60.0)):
        results.add(CHAINS, name, {NODES: value})
    head, row = table(results).splitlines()
    assert head.split("  ")[-1] == "floor with our Job"
    assert row.split()[-5:] == ["60.0", "80.0", "0.75", "70.0", "1/s"]


@pytest.mark.parametrize("shape", [CHAINS, Shape("fan", "a fan-out", 1, items=3)])
def test_the_floors_job_says_the_least_that_runs_the_same(shape: Shape) -> None:
    floor = Floor(cast("Api", None), "ns", shape, own=False)
    job: dict[str, Any] = orjson.loads(floor._stencils["c0n0"])
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert container.keys() == {"name", "image", "command"}
    assert job["metadata"].keys() == {"name"}
    fan_out = {"completionMode", "completions", "parallelism"} if shape.items else set()
    assert job["spec"].keys() == {"backoffLimit", "template", *fan_out}


def test_a_watcher_that_saw_nothing_has_no_steps() -> None:
    assert Watcher(cast("Api", None), "ns").steps() == []
