"""Pauses in virtual time: what ends one, and that nothing which it withheld is left behind.

Every story runs twice: as an operator that goes on runs it, which considers only what changed, and
as one that restarts between any two passes.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest

from orchestrator.engine.advance import advance
from orchestrator.engine.graph import Graph
from orchestrator.engine.records import Cancelling
from orchestrator.kube.client import Raw
from orchestrator.models.execution import DesiredState, ExecutionPhase
from tests.builders import action, chain, edge, graph
from tests.simulation.faults import FaultyTransport
from tests.simulation.kubelet import Kubelet, Outcome
from tests.simulation.playing import TERMINAL, manifest, operating, store_with
from tests.simulation.scenario import NAMESPACE
from tests.simulation.store import Store
from tests.simulation.test_runs import scripted
from tests.simulation.world import FAILURE, HANG, START, Result, World

RUN = ("workflowexecutions", NAMESPACE, "run")
NOT_STARTED = ("Cancelled", "Skipped")
SLOW = Result(seconds=30)
SLOW_FAILURE = Result(FAILURE.state, seconds=30, reason="Failed", message="exit code 1")
TELL = action("tell", **{"with": {"text": "$[[ execution.phase ]]"}})
CHILD = {"name": "child", "workflow": {"name": "flow"}}
EACH = {
    "name": "each",
    "workflow": {"name": "flow"},
    "forEach": {"values": "[1, 2, 3]", "as": "it", "parallelism": 2},
}


@pytest.fixture(params=[False, True], ids=["goes-on", "restarts"])
def forgetful(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def paused(compiled: Graph, forgetful: bool, *, at: float = 5, **results: Result) -> World:
    """A run that is paused and never resumed."""
    world = World(compiled, scripted(**results), forgetful=forgetful)
    world.desire(DesiredState.PAUSED, at=at)
    return world.play()


# The execution's timeout


@pytest.mark.parametrize(
    "first",
    [
        action("first"),
        {"name": "first", "delay": "3s"},
        {"name": "first", "delay": "8s"},
        {"name": "first", "wait": {"signal": "go"}},
        {"name": "first", "approval": {"approvers": ["user:ana"]}},
        action("first", retry={"limit": 3, "backoff": {"initial": "1m"}}),
    ],
    ids=["action", "ended-delay", "delay", "signal", "approval", "backoff"],
)
@pytest.mark.parametrize("result", [Result(), FAILURE, SLOW, HANG], ids=repr)
def test_the_timeout_ends_a_paused_execution_whatever_was_active(
    forgetful: bool, first: dict[str, Any], result: Result
) -> None:
    compiled = graph(
        first, action("second"), TELL,
        edges=[edge("first", "second", "Always")], timeout="12s", finally_=["tell"],
    )  # fmt: skip
    world = paused(compiled, forgetful, at=0.5, first=result)
    assert world.end == ("TimedOut", "ExecutionTimedOut")
    assert world.phases["second"] in NOT_STARTED
    assert world.jobs["tell", 1].parameters == {"text": "TimedOut"}
    assert world.now < START + 20


def test_the_timeout_ends_a_paused_execution_without_final_nodes(forgetful: bool) -> None:
    compiled = graph(
        {"name": "first", "delay": "3s"}, {"name": "second", "delay": "1s"},
        edges=chain("first", "second"), timeout="12s",
    )  # fmt: skip
    world = paused(compiled, forgetful, at=0.5)
    assert world.phases == {"first": "Succeeded", "second": "Cancelled"}
    assert world.reason("second") == "ExecutionTimedOut"
    assert (world.end[0], world.now) == ("TimedOut", START + 12)


@pytest.mark.parametrize("node", [CHILD, EACH], ids=["sub-workflow", "fan-out"])
def test_the_timeout_ends_sub_executions_that_were_paused_with_their_parent(
    forgetful: bool, node: dict[str, Any]
) -> None:
    compiled = graph(
        node, action("after"), TELL,
        edges=chain(node["name"], "after"), timeout="12s", finally_=["tell"],
    )  # fmt: skip
    world = World(compiled, lambda name, _: HANG if name != "tell" else Result())
    world.forgetful = forgetful
    world.desire(DesiredState.PAUSED, at=5)
    world.play()
    assert world.end == ("TimedOut", "ExecutionTimedOut")
    assert world.phases == {node["name"]: "Cancelled", "after": "Skipped", "tell": "Succeeded"}


# A failure that nobody handled


@pytest.mark.parametrize("policy", ["Stop", "Cancel"])
@pytest.mark.parametrize(
    "other",
    [
        action("other", retry={"limit": 5, "backoff": {"initial": "1m"}}),
        {"name": "other", "delay": "8s"},
        {"name": "other", "wait": {"signal": "go"}},
    ],
    ids=["backoff", "delay", "signal"],
)
def test_a_failure_that_stops_or_cancels_ends_a_paused_execution(
    forgetful: bool, policy: str, other: dict[str, Any]
) -> None:
    compiled = graph(
        action("a"), other, action("then"), action("next"), TELL,
        edges=[*chain("other", "then"), *chain("a", "next")], onFailure=policy, finally_=["tell"],
    )  # fmt: skip
    world = paused(compiled, forgetful, at=0.5, a=SLOW_FAILURE, other=FAILURE)
    assert world.end == ("Failed", "NodeFailed")
    assert world.phases["then"] in NOT_STARTED
    assert world.jobs["tell", 1].parameters == {"text": "Failed"}
    assert "then" not in world.started


@pytest.mark.parametrize("node", [CHILD, EACH], ids=["sub-workflow", "fan-out"])
def test_a_failure_that_stops_resumes_the_sub_executions_that_it_lets_end(
    forgetful: bool, node: dict[str, Any]
) -> None:
    compiled = graph(action("a"), node, TELL, onFailure="Stop", finally_=["tell"])

    def script(name: str, _: int) -> Result:
        return {"a": SLOW_FAILURE, "tell": Result()}.get(name, Result(seconds=60))

    world = World(compiled, script, forgetful=forgetful)
    world.desire(DesiredState.PAUSED, at=5)
    world.play()
    states = [control.state.value for control in world.controlled]
    assert states.index("Paused") < states.index("Running")
    assert "Paused" not in states[states.index("Running") :]
    expected = "Succeeded" if node is CHILD else "Cancelled"  # its third item begins no more
    assert world.phases == {"a": "Failed", node["name"]: expected, "tell": "Succeeded"}
    assert world.now > START + 85


def test_an_expression_that_fails_while_paused_ends_the_pause_as_well(forgetful: bool) -> None:
    """It fails the node that an edge leads to, in the middle of what follows from another."""
    compiled = graph(
        {"name": "early", "delay": "3s"},
        action("withheld"),
        action("a"),
        action("b"),
        edges=[
            edge("early", "withheld"),
            edge("a", "b", when="nodes.a.outputs.items[0] == 1"),
        ],
        onFailure="Cancel",
    )
    world = paused(compiled, forgetful, at=0.5, a=Result(seconds=5, outputs={"value": 1}))
    assert (world.phases["b"], world.reason("b")) == ("Failed", "ExpressionError")
    assert world.phases["withheld"] == "Cancelled"
    assert world.end == ("Failed", "NodeFailed")


# Resuming, replacing, cancelling


def test_a_resumed_execution_starts_what_the_pause_withheld(forgetful: bool) -> None:
    compiled = graph(
        action("a"), action("b"), {"name": "c", "transform": {"x": "1"}},
        edges=[*chain("a", "b"), *chain("a", "c")],
    )  # fmt: skip
    world = World(compiled, scripted(), forgetful=forgetful)
    world.desire(DesiredState.PAUSED, at=0.5)
    world.desire(DesiredState.RUNNING, at=50)
    world.play()
    assert world.jobs["b", 1].created_at == START + 50
    assert world.end == ("Succeeded", "Completed")


@pytest.mark.parametrize("state", [DesiredState.CANCELLED, DesiredState.TERMINATED])
@pytest.mark.parametrize("result", [Result(), HANG, FAILURE], ids=repr)
def test_a_paused_execution_can_be_cancelled_and_terminated(
    forgetful: bool, state: DesiredState, result: Result
) -> None:
    compiled = graph(
        action("a", retry={"limit": 2, "backoff": {"initial": "1h"}}), action("b"), TELL,
        edges=chain("a", "b"), finally_=["tell"],
    )  # fmt: skip
    world = World(compiled, scripted(a=result), forgetful=forgetful)
    world.desire(DesiredState.PAUSED, at=0.5)
    world.desire(state, at=50)
    world.play()
    assert world.end[0] == "Cancelled"
    terminated = state is DesiredState.TERMINATED
    assert world.phases["tell"] == ("Skipped" if terminated else "Succeeded")


def test_a_paused_execution_can_be_replaced(forgetful: bool) -> None:
    compiled = graph(action("a"), action("b"), TELL, edges=chain("a", "b"), finally_=["tell"])
    world = World(compiled, scripted(), forgetful=forgetful)
    world.desire(DesiredState.PAUSED, at=0.5)

    def replaced(world: World) -> None:
        cause = Cancelling(world.now, "Replaced", "another replaces it")
        world.run = world.run.recorded({}, world.run.phase, cause, world.run.settled)

    world.at.append((START + 20, replaced))
    world.play()
    assert world.end == ("Cancelled", "Replaced")
    assert world.phases == {"a": "Succeeded", "b": "Cancelled", "tell": "Succeeded"}


def test_the_pass_in_which_a_pause_ends_needs_no_scan_to_be_asked_for() -> None:
    compiled = graph(action("a"), action("b"), edges=chain("a", "b"), timeout="12s")
    world = World(compiled, scripted(a=Result()))
    world.desire(DesiredState.PAUSED, at=0.5)
    while world.run.phase is not ExecutionPhase.PAUSED or world.run.active:
        world._settle()
        world.now += 1
        if world.now > START + 0.5 and world.at:
            world.at.pop()[1](world)
    decided = advance(compiled, world.run, {}, START + 12, scan=False)
    assert decided.records["b"].reason == "ExecutionTimedOut"
    assert decided.ending is not None


# Through the whole operator


def _store(parent: Raw, seconds: float = 20.0, kind: str = "success") -> Store:
    """`run` of this workflow; `child` has two nodes that take so long, one after the other."""
    child = {
        "nodes": [{"name": name, "action": "local/task"} for name in ("first", "then")],
        "edges": [{"from": "first", "to": "then"}],
    }
    store = store_with(manifest("Workflow", "main", parent), manifest("Workflow", "child", child))
    store.observers.clear()

    def outcome(_: str, node: str, *__: int) -> Outcome:
        return Outcome(kind if node == "bad" else "success", seconds, 5)

    Kubelet(store, outcome, random.Random(1))
    return store


async def _played(store: Store, *, restart: bool) -> Raw:
    """The run, paused after five seconds, once it has ended; perhaps with a restart meanwhile."""
    transport = FaultyTransport(store)
    async with operating(store, transport):
        await asyncio.sleep(5.0)
        store.patch(RUN, {"spec": {"desiredState": "Paused"}})
        await asyncio.sleep(5.0)
        if not restart:
            return await _ended(store)
    transport = FaultyTransport(store)
    async with operating(store, transport):
        return await _ended(store)


async def _ended(store: Store) -> Raw:
    async with asyncio.timeout(600):
        while store.objects[RUN].get("status", {}).get("phase") not in TERMINAL:  # noqa: ASYNC110
            await asyncio.sleep(0.5)
    status: Raw = store.objects[RUN]["status"]
    return status


_SUB = {"name": "sub", "workflow": {"name": "child"}}
_FAN = {**_SUB, "forEach": {"values": "[1, 2, 3]", "as": "it", "parallelism": 2}}


@pytest.mark.parametrize("restart", [False, True], ids=["goes-on", "restarts"])
@pytest.mark.parametrize("node", [_SUB, _FAN], ids=["sub-workflow", "fan-out"])
async def test_sub_executions_paused_with_their_parent_end_with_its_timeout(
    node: Raw, restart: bool
) -> None:
    store = _store({
        "nodes": [node, {"name": "next", "delay": "1s"}, {"name": "tell", "transform": {"x": "1"}}],
        "edges": [{"from": "sub", "to": "next"}], "finally": ["tell"], "timeout": "60s",
    })  # fmt: skip
    status = await _played(store, restart=restart)
    phases = {name: record["phase"] for name, record in status["nodes"].items()}
    assert status["phase"] == "TimedOut"
    assert phases == {"sub": "Cancelled", "next": "Skipped", "tell": "Succeeded"}


@pytest.mark.parametrize("restart", [False, True], ids=["goes-on", "restarts"])
@pytest.mark.parametrize(
    ("node", "comes_to"),
    [(_SUB, "Succeeded"), (_FAN, "Cancelled")],
    ids=["sub-workflow", "fan-out"],
)
async def test_sub_executions_paused_with_their_parent_end_after_a_failure_that_stops_it(
    node: Raw, comes_to: str, restart: bool
) -> None:
    store = _store({
        "nodes": [node, {"name": "bad", "action": "local/task"},
                  {"name": "then", "delay": "1s"}, {"name": "tell", "transform": {"x": "1"}}],
        "edges": [{"from": "bad", "to": "then"}], "finally": ["tell"], "onFailure": "Stop",
    }, kind="failure")  # fmt: skip
    status = await _played(store, restart=restart)
    phases = {name: record["phase"] for name, record in status["nodes"].items()}
    assert status["phase"] == "Failed"
    assert phases == {"sub": comes_to, "bad": "Failed", "then": "Skipped", "tell": "Succeeded"}
    children = [raw for raw in store.all("workflowexecutions") if raw["spec"].get("parent")]
    assert {raw["status"]["phase"] for raw in children} == {"Succeeded"}


class _Intervening(FaultyTransport):
    """Somebody asks for a state right after anything was created for the node `then`: before the
    status that records it is written."""

    def __init__(self, store: Store, state: str, late: float = 0.0) -> None:
        """`late`: seconds by which watches are behind with what was created."""
        super().__init__(store)
        self._asks, self._late = state, late

    async def stream(self, plural: str, *rest: Any) -> AsyncIterator[bytes]:
        async for line in super().stream(plural, *rest):
            await asyncio.sleep(self._late * (b"-then-" in line))
            yield line

    async def exchange(self, verb: str, path: str, *rest: Any) -> Raw:
        answer = await super().exchange(verb, path, *rest)
        made = verb == "create" and path.endswith(("/jobs", "/workflowexecutions"))
        if made and "-then-" in answer["metadata"]["name"] and self._asks:
            self.store.patch(RUN, {"spec": {"desiredState": self._asks}})
            self._asks = ""
        return answer


_THEN: list[Raw] = [
    {"action": "local/task"},
    {"workflow": {"name": "child"}},
    {**{key: _FAN[key] for key in ("workflow", "forEach")}},
    {"action": "local/task", "forEach": {"values": "[1, 2]", "as": "it"}},
]


def _in_between(node: Raw) -> Store:
    nodes = [
        {"name": "first", "action": "local/task"},
        {"name": "then", **node},
        {"name": "after", "delay": "1s"},
    ]
    edges = [{"from": "first", "to": "then"}, {"from": "then", "to": "after"}]
    return _store({"nodes": nodes, "edges": edges}, seconds=3.0)


@pytest.mark.parametrize("node", _THEN, ids=["action", "sub-workflow", "fan-out", "items"])
async def test_what_was_created_before_a_pause_was_known_is_recorded_and_paused(node: Raw) -> None:
    store = _in_between(node)
    async with operating(store, _Intervening(store, "Paused")):
        await asyncio.sleep(60.0)
        status = store.objects[RUN]["status"]
        children = [raw for raw in store.all("workflowexecutions") if raw["spec"].get("parent")]
        assert status["phase"] == "Paused"
        assert status["nodes"]["then"]["phase"] == ("Running" if children else "Succeeded")
        assert {raw["spec"]["desiredState"] for raw in children} <= {"Paused"}
        store.patch(RUN, {"spec": {"desiredState": "Running"}})
        assert (await _ended(store))["phase"] == "Succeeded"


@pytest.mark.parametrize("late", [0.0, 20.0])
@pytest.mark.parametrize("node", _THEN, ids=["action", "sub-workflow", "fan-out", "items"])
async def test_what_was_created_before_a_cancellation_was_known_ends_with_it(
    node: Raw, late: float
) -> None:
    store = _in_between(node)
    async with operating(store, _Intervening(store, "Cancelled", late)):
        assert (await _ended(store))["phase"] == "Cancelled"
        await asyncio.sleep(3 * late)
        children = [raw for raw in store.all("workflowexecutions") if raw["spec"].get("parent")]
        assert {(raw.get("status") or {}).get("phase") for raw in children} <= {"Cancelled"}
        await asyncio.sleep(15.0)
        pods = [pod["status"]["phase"] for pod in store.all("pods")]
        assert "Running" not in pods


class _Writes(FaultyTransport):
    """Counts the requests that change something."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.changes: list[tuple[str, str]] = []

    async def exchange(self, verb: str, path: str, *rest: Any) -> Raw:
        if verb not in ("get", "list"):
            self.changes.append((verb, path))
        return await super().exchange(verb, path, *rest)


@pytest.mark.parametrize("node", [_SUB, _FAN], ids=["sub-workflow", "fan-out"])
async def test_a_paused_execution_writes_nothing_however_often_it_asks(node: Raw) -> None:
    until = {"name": "until", "wait": {"until": "nodes.sub.phase == 'Succeeded'"}}
    store = _store({"nodes": [{**node, "timeout": "5h"}, until]}, seconds=30.0)
    transport = _Writes(store)
    async with operating(store, transport):
        await asyncio.sleep(5.0)
        store.patch(RUN, {"spec": {"desiredState": "Paused"}})
        await asyncio.sleep(120.0)
        transport.changes.clear()
        await asyncio.sleep(1800.0)
        assert transport.changes == []
        store.patch(RUN, {"spec": {"desiredState": "Running"}})
        status = await _ended(store)
    assert status["phase"] == "Succeeded"


async def test_the_record_of_a_sub_execution_is_no_jobs_once_it_was_paused_and_resumed() -> None:
    store = _store({"nodes": [_SUB]})
    async with operating(store, FaultyTransport(store)):
        for state in ("Paused", "Running"):
            await asyncio.sleep(5.0)
            store.patch(RUN, {"spec": {"desiredState": state}})
        await asyncio.sleep(5.0)
        record = store.objects[RUN]["status"]["nodes"]["sub"]
        assert record["reason"] == "SubWorkflowCreated"
        assert "job" not in record
