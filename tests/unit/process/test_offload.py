"""Long work leaves the event loop free, and comes to the same wherever it is done."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from functools import partial

import pytest

from orchestrator.engine.advance import advance
from orchestrator.engine.lifecycle.admission import check_start, prepare
from orchestrator.expressions import ExpressionError, compile_expression
from orchestrator.expressions.budget import SLICE, tick
from orchestrator.process.offload import THREADS, Offload, SliceExhausted
from orchestrator.process.queue import WorkQueue
from orchestrator.validation.size import LARGE, is_large
from tests.builders import action, graph
from tests.simulation.scripts import scripted
from tests.simulation.test_costs import COSTLY, VARIABLES
from tests.simulation.world import START, World


@pytest.fixture
async def offload() -> AsyncIterator[Offload]:
    offload = Offload(rest=lambda _: None)
    yield offload
    offload.stop()


async def test_short_work_stays_on_the_loop(offload: Offload) -> None:
    thread = await offload.run(threading.get_ident)
    assert (thread, offload.moved) == (threading.get_ident(), 0)


def long_work() -> int:
    for _ in range(3):
        tick(SLICE)
    return threading.get_ident()


async def test_what_exceeds_a_slice_is_done_again_in_a_thread(offload: Offload) -> None:
    assert await offload.run(long_work) != threading.get_ident()
    assert await offload.run(threading.get_ident, long=True) != threading.get_ident()
    assert offload.moved == 2


async def test_a_thread_rests_after_each_slice_while_the_loop_goes_on() -> None:
    rests: list[float] = []
    offload = Offload(rest=rests.append)
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    beside = asyncio.create_task(other())
    await offload.run(long_work)
    beside.cancel()
    offload.stop()
    assert len(rests) == 3
    assert turns > 0


async def test_work_without_a_caller_is_abandoned() -> None:
    begun, left, ended = threading.Event(), threading.Event(), threading.Event()

    def rest(_: float) -> None:
        begun.set()
        left.wait(20)

    def endless() -> None:
        try:
            while True:
                tick(SLICE)
        finally:
            ended.set()

    offload = Offload(rest=rest, threads=1)
    waiting = asyncio.create_task(offload.run(endless, long=True))
    await asyncio.to_thread(begun.wait, 20)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    left.set()
    assert await asyncio.to_thread(ended.wait, 20)
    assert await offload.run(threading.get_ident, long=True) != threading.get_ident()
    offload.stop()


async def test_errors_are_those_of_the_work(offload: Offload) -> None:
    scope = {"vars": VARIABLES}
    evaluate = partial(compile_expression("vars.objects | unique").evaluate, scope)
    with pytest.raises(ExpressionError, match="is too costly"):
        await offload.run(evaluate)


async def test_long_work_is_given_up_when_the_operator_stops() -> None:
    began, stopped = threading.Event(), threading.Event()

    def work() -> None:
        began.set()
        stopped.wait(10)
        tick(SLICE)

    offload = Offload(rest=lambda _: None)
    running = asyncio.create_task(offload.run(work, long=True))
    await asyncio.to_thread(began.wait, 10)
    offload.stop()
    stopped.set()
    with pytest.raises(SliceExhausted):
        await running


async def test_a_pass_over_costly_nodes_decides_the_same_in_a_thread(offload: Offload) -> None:
    nodes = [{"name": f"c{number}", "condition": COSTLY} for number in range(5)]
    world = World(graph(*nodes, action("beside")), scripted(), VARIABLES)
    work = partial(advance, world.graph, world.run, {}, START, scan=True)
    here, there = work(), await offload.run(work)
    assert offload.moved == 1
    assert there == here
    assert {record.reason for name, record in there.records.items() if name != "beside"} == {
        "ExpressionTooCostly"
    }


async def test_a_large_workflow_is_prepared_in_a_thread(offload: Offload) -> None:
    nodes = [{"name": f"n{number}", "delay": "1s"} for number in range(LARGE + 1)]
    spec = {"nodes": nodes, "edges": []}
    prepared = await offload.run(
        partial(prepare, "large", spec, {}, "image"), long=is_large(spec, None, "nonsense")
    )
    assert offload.moved == 1
    assert check_start({"spec": {}}, prepared) == {}  # type: ignore[arg-type]


async def test_an_ordinary_pass_runs_while_200_costly_ones_wait_for_a_thread(
    offload: Offload,
) -> None:
    released, ordinary, all_ended = threading.Event(), asyncio.Event(), asyncio.Event()
    began: list[str] = []
    ended: set[str] = set()

    def costly(key: str) -> None:
        if threading.current_thread() is not threading.main_thread():
            began.append(key)
            released.wait(600)
        tick(SLICE)

    async def work(key: str) -> None:
        await offload.run((lambda: None) if key == "ordinary" else partial(costly, key))
        ended.add(key)
        if key == "ordinary":
            ordinary.set()
        if len(ended) == 201:
            all_ended.set()

    queue: WorkQueue[str] = WorkQueue()
    keys = [f"costly {number}" for number in range(200)]
    for key in (*keys, "ordinary"):
        queue.add(key)
    running = asyncio.create_task(queue.run(work, 8))
    try:
        async with asyncio.timeout(600):
            await ordinary.wait()
            assert ended == {"ordinary"}
            assert len(began) <= THREADS
            released.set()
            await all_ended.wait()
    finally:
        released.set()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert {abs(keys.index(key) - turn) for turn, key in enumerate(began)} <= set(range(THREADS))
    assert queue.failures.total() == 0


@pytest.mark.parametrize(
    "value", [[[]] * 300_000, {str(number): {} for number in range(6_000)}, ["x" * 1_000] * 100]
)
def test_a_small_workflow_with_a_large_free_form_value_is_large(value: object) -> None:
    node = {"name": "a", "action": "local/a", "with": {"value": value}}
    assert is_large({"nodes": [node]})
    assert is_large({"workflow": "main", "variables": {"deep": [{"value": value}]}})
    assert not is_large({"nodes": [node | {"with": {"value": [[]] * 1_000}}]})
