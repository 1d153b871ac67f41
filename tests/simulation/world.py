"""Runs the engine in virtual time, as the controller does, with Jobs that end as scripted.

What it stores goes through the status format and back after every write, so that a run never
depends on what only memory holds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from orchestrator.engine.advance import advance
from orchestrator.engine.decisions import (
    ControlChild,
    CreateChild,
    CreateFanOut,
    CreateJob,
    Creation,
    Ending,
    Pass,
    StopJob,
)
from orchestrator.engine.graph import Graph, NodeKind
from orchestrator.engine.observed import Attempt, AttemptState
from orchestrator.engine.people.protection import UNCHECKED, Policies
from orchestrator.engine.people.trust import trust_from_status, trust_to_status
from orchestrator.engine.ranges import parse_ranges
from orchestrator.engine.status.read import read_records
from orchestrator.engine.status.record_codec import record_to_status
from orchestrator.engine.status.records import Run
from orchestrator.models.execution import DesiredState
from tests.apiserver import merged

START = 1_700_000_000.0


@dataclass(frozen=True)
class Result:
    """How an attempt's Job ends, and after how long."""

    state: AttemptState = AttemptState.SUCCEEDED
    seconds: float = 1.0
    reason: str = ""
    message: str = ""
    exit_code: int | None = None
    permanent: bool = False
    outputs: Mapping[str, Any] = field(default_factory=dict)


SUCCESS = Result()
FAILURE = Result(AttemptState.FAILED, reason="Failed", message="exit code 1", exit_code=1)
TIMEOUT = Result(AttemptState.TIMED_OUT, reason="TimedOut")
HANG = Result(seconds=float("inf"))

Script = Callable[[str, int], Result]


@dataclass
class Job:
    """A Job of the world, with the moment it ends."""

    created_at: float
    ends_at: float
    result: Result
    parameters: Mapping[str, Any]
    left: float | None = None
    """Seconds that a paused sub-execution has still to run."""


class World:
    """One execution from its admission to its end."""

    def __init__(
        self,
        graph: Graph,
        script: Script,
        variables: Mapping[str, Any] | None = None,
        *,
        forgetful: bool = True,
    ) -> None:
        """`forgetful`: every pass looks at every node, as the first after a start does."""
        self.graph = graph
        self.forgetful = forgetful
        self.fresh = True
        self.script = script
        self.now = START
        self.offset = 0.0
        """By how many seconds the operator's clock is wrong."""
        self.jobs: dict[tuple[str, int], Job] = {}
        self.stopped: list[StopJob] = []
        self.controlled: list[ControlChild] = []
        self.policies: Policies | None = UNCHECKED
        """The admission policies in place."""
        self.started: list[str] = []
        self.story: list[str] = []
        self.writes = 0
        self.cancelled_at = float("inf")
        """When anything began to cancel the run: what does so later replaces the cause."""
        self.ending: Ending | None = None
        self.at: list[tuple[float, Callable[[World], None]]] = []
        self.run = Run(
            name="run",
            namespace="default",
            uid="6a9f0b1e-0000-4000-8000-000000000000",
            workflow="flow",
            started_at=START,
            variables=variables or {},
        )

    def desire(self, state: DesiredState, at: float) -> None:
        """Somebody changes desiredState `at` seconds after the start."""

        def change(world: World) -> None:
            world.run = replace(world.run, desired_state=state)

        self.at.append((START + at, change))

    def step_clock(self, by: float, at: float) -> None:
        """The operator's clock jumps `at` seconds after the start."""

        def change(world: World) -> None:
            world.offset += by

        self.at.append((START + at, change))

    def decide(
        self, node: str, by: str, decision: str = "Approve", at: float = 1, **more: Any
    ) -> None:
        """Somebody decides on an approval `at` seconds after the start, for the first time or
        in place of what they decided before."""
        entry = {"node": node, "by": by, "decision": decision, **more}

        def change(world: World) -> None:
            made = {(old["node"], old["by"]): old for old in world.run.decisions}
            decisions = tuple({**made, (node, by): entry}.values())
            world.run = replace(world.run, decisions=decisions)

        self.at.append((START + at, change))

    def signal(self, name: str, identity: str, at: float = 1, **more: Any) -> None:
        """Somebody sends a signal `at` seconds after the start."""
        entry = {"name": name, "id": identity, **more}

        def change(world: World) -> None:
            world.run = replace(world.run, signals=(*world.run.signals, entry))

        self.at.append((START + at, change))

    def play(self) -> World:
        """Until the execution has ended; fails when it neither ends nor waits for anything."""
        for _ in range(100_000):
            wake = self._settle()
            if self.ending is not None:
                return self
            moments = [job.ends_at for job in self.jobs.values() if job.ends_at > self.now]
            moments += [moment for moment, _ in self.at if moment > self.now]
            moments += [wake] if wake is not None else []
            following = min(moments, default=float("inf"))
            assert following < float("inf"), f"stuck: {dict(self.run.records)}"
            self.now = max(following, self.now)
            for moment, change in list(self.at):
                if moment <= self.now:
                    change(self)
                    self.at.remove((moment, change))
        raise AssertionError("does not end")

    def phase(self, node: str) -> str:
        """A node's phase, or Absent."""
        record = self.run.records.get(node)
        return record.phase.value if record else "Absent"

    def reason(self, node: str) -> str:
        """A node's reason."""
        return self.run.records[node].reason

    @property
    def phases(self) -> dict[str, str]:
        """All nodes' phases."""
        return {name: self.phase(name) for name in self.graph.nodes}

    @property
    def end(self) -> tuple[str, str]:
        """Phase and reason of the execution's end."""
        assert self.ending is not None
        return self.ending.phase.value, self.ending.reason

    def _settle(self) -> float | None:
        for _ in range(1000):
            scan = self.forgetful or self.fresh
            self.fresh = False
            before = self.run.trust
            decided = advance(
                self.graph,
                self.run,
                self._observed(),
                self.now + self.offset,
                scan=scan,
                policies=self.policies,
            )
            for step in decided.before:
                self._act(step)
            self._store(decided)
            for later in decided.after:
                self._act(later)
            self.story += [word.message for word in decided.announcements]
            if decided.ending is not None:
                self.ending = decided.ending
                return None
            if not decided.records and decided.trust == before:
                return None if decided.wake_at is None else decided.wake_at - self.offset
        raise AssertionError("does not settle")

    def _observed(self) -> dict[tuple[str, int], Attempt]:
        found = {
            key: self._attempt(job) for key, job in self.jobs.items() if job.created_at <= self.now
        }
        for name, record in self.run.records.items():
            node = self.graph.nodes[name]
            if node.kind is NodeKind.WORKFLOW and node.spec.for_each is not None:
                ended = parse_ranges(record.completed) | parse_ranges(record.failed)
                children = {
                    index: found[_item(name, index), 1]
                    for index in range(record.items or 0)
                    if index not in ended and (_item(name, index), 1) in found
                }
                found[name, 1] = Attempt(AttemptState.RUNNING, children=children)
        return found

    def _attempt(self, job: Job) -> Attempt:
        if job.ends_at > self.now:
            return Attempt(AttemptState.RUNNING, started_at=job.created_at)
        result = job.result
        return Attempt(
            result.state,
            result.reason,
            result.message,
            exit_code=result.exit_code,
            started_at=job.created_at,
            finished_at=job.ends_at,
            outputs=result.outputs,
            permanent=result.permanent,
        )

    def _act(self, step: Creation | StopJob | ControlChild) -> None:
        match step:
            case CreateJob():
                self._create(step.node, step.attempt, step.parameters)
            case CreateFanOut():
                self._create(step.node, step.attempt, {"items": step.items})
            case CreateChild():
                self._create(_item(step.node, step.index), step.attempt, step.variables)
            case StopJob():
                self.stopped.append(step)
                self._end(self.jobs[step.node, step.attempt], "Stopped")
            case ControlChild(state=DesiredState.CANCELLED | DesiredState.TERMINATED):
                self.controlled.append(step)
                name = _item(step.node, step.index)
                self._end(self.jobs[name, step.attempt], "SubWorkflowCancelled")
            case ControlChild():
                self.controlled.append(step)
                name = _item(step.node, step.index)
                self._pause(self.jobs.get((name, step.attempt)), step.state)

    def _create(self, node: str, attempt: int, parameters: Mapping[str, Any]) -> None:
        key = (node, attempt)
        if key in self.jobs:
            return
        self.started.append(node)
        result = self.script(*key)
        self.jobs[key] = Job(self.now, self.now + result.seconds, result, parameters)

    def _pause(self, job: Job | None, state: DesiredState) -> None:
        if job is None or job.ends_at <= self.now:
            return
        if state is DesiredState.PAUSED and job.left is None:
            job.left, job.ends_at = job.ends_at - self.now, float("inf")
        elif state is DesiredState.RUNNING and job.left is not None:
            job.ends_at, job.left = self.now + job.left, None

    def _end(self, job: Job, reason: str) -> None:
        if job.ends_at > self.now:
            job.ends_at = self.now + 1
            job.result = Result(AttemptState.FAILED, reason=reason)

    def _store(self, decided: Pass) -> None:
        changes = decided.records
        written = {name: record_to_status(record) for name, record in changes.items()}
        read = orjson.loads(orjson.dumps(merged({}, written)))
        stored = read_records(read, self.graph)
        self.writes += 1 if changes else 0
        for name, record in self.run.records.items():
            assert not (record.phase.terminal and name in stored), f"{name} changed after its end"
        if decided.cancelling is not None:
            self.cancelled_at = min(self.cancelled_at, decided.cancelling.at)
        run = self.run.recorded(stored, decided.phase, decided.cancelling, decided.settled)
        trust = orjson.loads(orjson.dumps(trust_to_status(decided.trust)))
        self.run = replace(run, trust=trust_from_status(trust))


def _item(node: str, index: int | None) -> str:
    return node if index is None else f"{node}[{index}]"
