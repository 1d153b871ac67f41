"""Runs a scenario against the whole operator in virtual time, and checks its invariants."""

from __future__ import annotations

import asyncio
import logging
import random
import threading
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from orchestrator.controller.operator import Operator
from orchestrator.engine.times import from_rfc3339
from orchestrator.kube.client import ApiClient
from orchestrator.kube.errors import ApiError
from orchestrator.kube.kopf_watch import Follow, Take
from orchestrator.kube.resources import Resource
from orchestrator.models.base import API_VERSION
from tests.simulation import trigger_scenarios
from tests.simulation.faults import WEBHOOK, Faults, FaultyTransport
from tests.simulation.final_invariants import FinalInvariants
from tests.simulation.invariants import Invariants, terminal
from tests.simulation.kubelet import Kubelet
from tests.simulation.pause_invariants import PauseInvariants
from tests.simulation.pods import work_of
from tests.simulation.scenario import NAMESPACE, TASK, Operators, Raw, Scenario
from tests.simulation.store import Store
from tests.simulation.trigger_invariants import TriggerInvariants
from tests.virtual_time import run_virtually

START = 1_700_000_000.0
MAX_DURATION = 3600.0
"""Seconds within which every execution must have ended."""
SETTLE_SECONDS, SILENT_SECONDS = 700.0, 620.0
"""Seconds after the end of all executions: to settle, and then to write nothing."""
MAX_ANSWER_DELAY = 65.0
"""Seconds after which no delayed response is in flight."""
MAX_DELIVERY = 130.0
"""Seconds in which the end of an execution reaches its Trigger, restarts and late answers
included."""
CALM_SECONDS = 30.0
"""Seconds to settle in a run without faults."""


@dataclass
class Outcome:
    """The outcome of a run."""

    violations: list[str] = field(default_factory=list)
    results: dict[str, Any] = field(default_factory=dict)
    """By execution: its phase, and of every node its phase, reason and attempts."""
    jobs: set[tuple[str, str, int]] = field(default_factory=set)
    """(execution, node, attempt) of all created Jobs."""
    crashes: int = 0


def play(scenario: Scenario, *, calm: bool = False) -> Outcome:
    """Run a scenario; `calm` without faults. The same seed gives the same run."""
    random.seed(scenario.seed)
    return run_virtually(_Trial(scenario, calm).run())


def violations(scenario: Scenario) -> list[str]:
    """The invariants that a run of the scenario violates."""
    found = play(scenario)
    if found.violations or not scenario.same_result:
        return found.violations
    calm = play(scenario, calm=True)
    if calm.violations:
        return [f"without faults: {words}" for words in calm.violations]
    if calm.results != found.results:
        return [_difference(calm.results, found.results)]
    if calm.jobs != found.jobs:
        return [f"other Jobs than without faults: {sorted(calm.jobs ^ found.jobs)}"]
    return []


def _difference(calm: dict[str, Any], found: dict[str, Any]) -> str:
    for name in sorted({*calm, *found}):
        if calm.get(name) != found.get(name):
            return f"{name} came to {found.get(name)}, without faults to {calm.get(name)}"
    return "differs"


class _Trial:
    def __init__(self, scenario: Scenario, calm: bool) -> None:
        self._scenario = scenario
        self._calm = calm
        self._rng = random.Random(f"{scenario.seed}/run")
        self._clock: Callable[[], float] = lambda: START
        self._found = Outcome()
        self._tasks: list[asyncio.Task[None]] = []
        self._calm_since: float | None = None
        self._up: dict[bool, float] = {}
        """Since when the first (False) and the second operator work."""

    async def run(self) -> Outcome:
        loop = asyncio.get_running_loop()
        self._clock = lambda: START + loop.time()
        self.store = Store(self._clock, self._rng)
        self.kubelet = Kubelet(self.store, self._scenario.outcome, self._rng, self._scenario.stages)
        self.holds = Invariants(self._scenario, self.store, self.kubelet, self._wrong)
        self._pause_invariants = PauseInvariants(self._scenario, self.store, self.holds)
        self._final_invariants = FinalInvariants(self._scenario, self.store, self._wrong)
        self._trigger_invariants = TriggerInvariants(self._scenario, self.store, self._wrong)
        self._found.jobs = self.holds.jobs
        self._prepare()
        self._faults = Faults() if self._calm else self._scenario.faults
        listener = _Tracebacks(self._found.violations)
        logger = logging.getLogger("orchestrator")
        logger.addHandler(listener)
        try:
            await self._play(loop)
        finally:
            logger.removeHandler(listener)
            await _end_all()
        return self._found

    async def _play(self, loop: asyncio.AbstractEventLoop) -> None:
        scenario = self._scenario
        for moment, workflow, name in scenario.executions:
            loop.call_later(moment, self._begin, name, {"workflow": workflow})
        for moment, name, source, nodes in scenario.reruns:
            again = {"workflow": "main", "rerunOf": {"name": source, "from": nodes}}
            loop.call_later(moment, self._begin, name, again)
        if self._calm:
            self._grow_calm()
        else:
            loop.call_later(scenario.calm_after, self._grow_calm)
            for begin, end in scenario.outages:
                loop.call_later(begin, self._go_away)
                loop.call_later(end, self._come_back)
            for moment, name, state in scenario.people:
                loop.call_later(moment, self._ask, name, state)
            for moment, plural in scenario.deletions:
                loop.call_later(moment, self._delete_some, plural)
        operators = Operators() if self._calm else scenario.operators
        self._tasks.append(asyncio.create_task(self._operate(operators)))
        if operators.second:
            self._tasks.append(asyncio.create_task(self._operate(Operators(), second=True)))
        if await self._until_ended():
            await self._settle()
            self._found.results |= self._results()
            self._final_invariants.check()
            if self._scenario.trigger is not None:
                self._trigger_invariants.check()
            self._pause_invariants.judge()

    async def _settle(self) -> None:
        if self._calm:  # that all writes have ceased is checked after the faults, which is harder
            await asyncio.sleep(CALM_SECONDS)
            return
        self._grow_calm()
        await asyncio.sleep(SETTLE_SECONDS)
        self.holds.writes.clear()
        await asyncio.sleep(SILENT_SECONDS)
        if self.holds.writes:
            self._wrong(f"writes though all is settled: {self.holds.writes[:3]}")

    # How the world fares

    def _grow_calm(self) -> None:
        late = MAX_ANSWER_DELAY if self._faults.slow else 0.0
        self._faults.stop()
        self.store.away = False
        if self._calm_since is None:
            self._calm_since = self._clock() + late
        self._weigh()

    def _go_away(self) -> None:
        """The API server is gone, and with it every watch and what they could have resumed."""
        self.store.away = self._calm_since is None
        if self.store.away:
            self.store.cut()

    def _come_back(self) -> None:
        self.store.away = False

    def _weigh(self) -> None:
        self.holds.well = None
        if self._calm_since is not None and self._up:
            self.holds.well = max(self._calm_since, min(self._up.values()))

    # The world

    def _follower(self, transport: FaultyTransport) -> Follow:
        async def follow(
            _: object,
            resources: Collection[Resource],
            __: object,
            take: Take,
            stop: threading.Event,
        ) -> None:
            await _follow(transport, resources, take, stop)

        return follow

    def _prepare(self) -> None:
        self.store.create("templates", NAMESPACE, TASK)
        for name, spec in self._scenario.workflows.items():
            workflow = {
                "apiVersion": API_VERSION, "kind": "Workflow", "metadata": {"name": name},
                "spec": spec,
            }  # fmt: skip
            self.store.create("workflows", NAMESPACE, workflow)
        if self._scenario.trigger is not None:
            self.store.create("triggers", NAMESPACE, trigger_scenarios.manifest(self._scenario))

    def _begin(self, name: str, spec: Raw) -> None:
        body = {
            "apiVersion": API_VERSION, "kind": "WorkflowExecution", "metadata": {"name": name},
            "spec": spec,
        }  # fmt: skip
        self.store.create("workflowexecutions", NAMESPACE, body)

    def _ask(self, name: str, state: str) -> None:
        key = ("workflowexecutions", NAMESPACE, name)
        if key in self.store.objects:
            with suppress(ApiError):  # what was cancelled before cannot be paused any more
                self.store.patch(key, {"spec": {"desiredState": state}})

    def _delete_some(self, plural: str) -> None:
        if found := self.store.all(plural):
            chosen = self._rng.choice(found)["metadata"]["name"]
            key = (plural, NAMESPACE, chosen)
            if plural == "pods":
                self.store.delete_pod(key, 1.0)
            else:
                self._excuse(chosen)
                self.holds.deleted_jobs.add(work_of(self.store.objects[key])[:2])
                self.store.remove(key)

    def _excuse(self, job: str) -> None:
        """A Job that others delete before any status names it leaves nothing to know it by; and a
        creation that a second operator had decided before it arrives after the deletion."""
        named = any(
            record.get("job") == job
            for raw in self.store.all("workflowexecutions")
            for record in ((raw.get("status") or {}).get("nodes") or {}).values()
        )
        if not named or self._scenario.operators.second:
            self.holds.excused.add(job)

    async def _until_ended(self) -> bool:
        moments = [moment for moment, *_ in self._scenario.executions]
        moments += [moment for moment, *_ in self._scenario.reruns]
        last = START + max(6.0, max(moments) + 1.0)
        while self._clock() < max(last, self._delivered_by()) or any(
            not terminal(raw) for raw in self.store.all("workflowexecutions")
        ):
            self._pause_invariants.check()
            if self._clock() > START + MAX_DURATION:
                stuck = [
                    f"{raw['metadata']['name']}: {raw.get('status')}"
                    for raw in self.store.all("workflowexecutions")
                    if not terminal(raw)
                ]
                self._wrong(f"does not end: {stuck}")
                return False
            await asyncio.sleep(1.0)
        return True

    def _delivered_by(self) -> float:
        """When the Trigger has been told of every end so far, whatever went wrong."""
        if self._scenario.trigger is None:
            return 0.0
        ended = (
            from_rfc3339(raw["status"]["finishedAt"])
            for raw in self.store.all("workflowexecutions")
            if raw["spec"]["workflow"] == "main" and terminal(raw)
        )
        since = max([self._calm_since or self._clock(), *ended])
        return since + (MAX_DELIVERY if self.holds.hears_all else SETTLE_SECONDS)

    # The operators

    async def _operate(self, fate: Operators, *, second: bool = False) -> None:
        """One operator after the other, each until it crashes."""
        for crash in [*fate.crashes, None]:
            if fate.frozen is None:
                self._up[second] = self._clock()
                self._weigh()
            transport = FaultyTransport(self.store, self._faults, self._rng, self._scenario.latency)
            if crash is not None:
                transport.crash_at = (crash[0], crash[1])
            if fate.frozen is not None:
                loop = asyncio.get_running_loop()
                for moment, what in zip(
                    fate.frozen, (transport.thawed.clear, transport.thawed.set), strict=True
                ):
                    loop.call_later(max(0.0, moment - loop.time()), what)
            operator = Operator(
                ApiClient(transport._credentials, transport),
                runner_image="example.com/runner:1",
                workers=4,
                clock=self._clock,
                monotonic=asyncio.get_running_loop().time,
                follow=self._follower(transport),
            )
            running = asyncio.create_task(operator.run(asyncio.Event()))
            crashed = asyncio.create_task(transport.crashed.wait())
            await asyncio.wait([running, crashed], return_when=asyncio.FIRST_COMPLETED)
            if crash is None or not transport.crashed.is_set():
                crashed.cancel()
                self._wrong(f"the operator ended on its own: {running.exception()!r}")
                return
            self._found.crashes += 1
            self._up.pop(second, None)
            self._weigh()
            self._tasks.append(running)  # nothing reaches the world from it any more
            running.cancel()
            await asyncio.sleep(crash[2])

    def _results(self) -> dict[str, Any]:
        """What each execution came to, under a name that is the same in every run."""
        return {
            _stable(raw): {
                "phase": raw["status"]["phase"],
                "nodes": {
                    node: (record["phase"], record.get("reason"), record.get("attempts"),
                           record.get("outputs"))
                    for node, record in sorted((raw["status"].get("nodes") or {}).items())
                },
            }
            for raw in self.store.all("workflowexecutions")
        }  # fmt: skip

    def _wrong(self, words: str) -> None:
        if words not in self._found.violations:
            self._found.violations.append(words)


class _Tracebacks(logging.Handler):
    """Reports tracebacks in the log: expected errors are logged without one."""

    def __init__(self, found: list[str]) -> None:
        super().__init__()
        self._into = found

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info and record.exc_info[1]
        if error and WEBHOOK not in str(error):
            self._into.append(f"traceback: {record.getMessage()}")


async def _follow(
    transport: FaultyTransport, resources: Collection[Resource], take: Take, stop: threading.Event
) -> None:
    """List the definitions once; in these scenarios they are not edited."""
    client = ApiClient(transport._credentials, transport)
    for resource in resources:
        while not stop.is_set():
            try:
                items, _ = await client.list(resource)
            except ApiError:
                await asyncio.sleep(1.0)
                continue
            for raw in items:
                take(resource, None, raw)
            break
    while not stop.is_set():  # noqa: ASYNC110 (it is a thread's Event)
        await asyncio.sleep(60.0)


async def _end_all() -> None:
    """Cancel whatever still runs, until nothing does: a process that ends waits for no one."""
    while others := asyncio.all_tasks() - {asyncio.current_task()}:
        for task in others:
            task.cancel()
        await asyncio.wait(others, timeout=0.1)


def _stable(raw: Raw) -> str:
    """A name that is the same in every run: a sub-execution's holds a hash of its parent's uid."""
    parent = raw["spec"].get("parent")
    if not parent:
        return str(raw["metadata"]["name"])
    return f"{parent['name']}/{parent['node']}/{parent.get('attempt', 1)}"
