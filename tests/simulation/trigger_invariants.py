"""Invariants of a scenario's Trigger once every execution has ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from orchestrator.engine.times import from_rfc3339
from orchestrator.models.base import parse_duration
from tests.simulation.scenario import Raw, Scenario
from tests.simulation.store import Store

COARSE = 1.0
"""Seconds by which times differ: those of creations are whole seconds."""


@dataclass(frozen=True)
class _Event:
    """The end of an execution."""

    name: str
    uid: str
    phase: str
    at: float


@dataclass(frozen=True)
class _Made:
    """An execution that the Trigger created."""

    name: str
    of: _Event
    created_at: float
    slot: float
    """When it may start."""
    started_at: float | None
    replaced: bool


class TriggerInvariants:
    """Compares the executions that the Trigger created with the events and its limits; `wrong` is
    told what differs."""

    def __init__(self, scenario: Scenario, store: Store, wrong: Callable[[str], None]) -> None:
        self._scenario, self._store, self._wrong = scenario, store, wrong
        self._spec = scenario.trigger or {}
        faults = scenario.faults
        self._alone = not scenario.operators.second and faults.slow == 0
        """Whether no two processes create at the same time, and no creation arrives long after it
        was decided: otherwise limits may be exceeded by these."""
        self._may_fail = faults.refused > 0
        """Whether a webhook refuses executions now and then."""

    def check(self) -> None:
        """Check every event and every execution."""
        events = {raw["metadata"]["uid"]: _event(raw) for raw in self._of("main")}
        made = sorted(
            (_made(raw, events) for raw in self._of(self._spec["workflow"])),
            key=lambda each: (each.created_at, each.of.at),
        )
        for uid, count in Counter(each.of.uid for each in made).items():
            if count > 1:
                self._wrong(f"the end of {events[uid].name} started {count} executions")
        for each in made:
            if each.started_at is not None and each.started_at < each.slot:
                self._wrong(f"{each.name} started {each.slot - each.started_at:.0f} s early")
        started = {each.of.uid for each in made}
        without = [event for uid, event in events.items() if uid not in started]
        self._check_limits(made, without)

    def _of(self, workflow: str) -> list[Raw]:
        found = self._store.all("workflowexecutions")
        return [raw for raw in found if raw["spec"]["workflow"] == workflow]

    def _check_limits(self, made: list[_Made], without: list[_Event]) -> None:
        spec = self._spec
        if "cooldown" in spec:
            seconds = parse_duration(spec["cooldown"])
            self._apart(made, 1, seconds, "the cooldown")
            self._justified(without, made, 1, seconds)
        elif "dedupe" in spec:
            self._check_dedupe(made, without, parse_duration(spec["dedupe"]["window"]))
        elif (rate := spec.get("rateLimit")) is None:
            self._justified(without, made, len(made) + 1, 0.0)
        elif rate["policy"] == "Drop":
            seconds = parse_duration(rate["period"])
            self._apart(made, rate["limit"], seconds, "the rateLimit")
            self._justified(without, made, rate["limit"], seconds)
        else:
            self._justified(without, made, len(made) + 1, 0.0)
            self._check_slots(made, rate)

    def _check_dedupe(self, made: list[_Made], without: list[_Event], window: float) -> None:
        by_phase = self._spec["dedupe"]["key"] == "event.phase"
        for phase in {each.of.phase for each in made} | {event.phase for event in without}:
            same = [each for each in made if not by_phase or each.of.phase == phase]
            lacking = [event for event in without if not by_phase or event.phase == phase]
            self._apart(same, 1, window, "the dedupe window")
            self._justified(lacking, same, 1, window)

    def _check_slots(self, made: list[_Made], rate: Raw) -> None:
        """Of those that ran, no more than the limit have their slot within the period."""
        started = (each for each in made if each.started_at is not None)
        ran = sorted(started, key=lambda each: each.slot)
        if not self._alone:
            return
        limit, period = rate["limit"], parse_duration(rate["period"])
        for first, later in zip(ran, ran[limit:], strict=False):
            if later.slot - first.slot < period - COARSE:
                gap = later.slot - first.slot
                self._wrong(f"{later.name} starts {gap:.0f} s after the {limit}th before it")
        if made and all(each.replaced for each in made if each.created_at == made[-1].created_at):
            self._wrong(f"{made[-1].name}, the newest, was replaced")
        if rate["policy"] == "Queue" and any(each.replaced for each in made):
            self._wrong("an execution that is queued was replaced")

    def _apart(self, made: list[_Made], limit: int, seconds: float, what: str) -> None:
        """Each event was that long after the creation of the limit-th execution before its own."""
        if not self._alone:
            return
        for first, later in zip(made, made[limit:], strict=False):
            if later.of.at - first.created_at < seconds - COARSE:
                gap = later.of.at - first.created_at
                self._wrong(f"{later.name}: {what} was exceeded, {gap:.1f} s after {first.name}")

    def _justified(
        self, without: list[_Event], made: Sequence[_Made], limit: int, seconds: float
    ) -> None:
        """An event started nothing only if as many executions as allowed were created since, or
        if a webhook refused its execution: then it has failed."""
        if self._may_fail:
            return
        for event in without:
            since = event.at - seconds - COARSE
            if sum(each.created_at > since for each in made) < limit:
                self._wrong(f"the end of {event.name} started nothing")


def _event(raw: Raw) -> _Event:
    metadata, status = raw["metadata"], raw["status"]
    finished_at = from_rfc3339(status["finishedAt"])
    return _Event(metadata["name"], metadata["uid"], status["phase"], finished_at)


def _made(raw: Raw, events: dict[str, _Event]) -> _Made:
    metadata, trigger, status = raw["metadata"], raw["spec"]["trigger"], raw["status"]
    created_at = from_rfc3339(metadata["creationTimestamp"])
    not_before, started_at = trigger.get("notBefore"), status.get("startedAt")
    return _Made(
        name=metadata["name"],
        of=events[trigger["event"]["uid"]],
        created_at=created_at,
        slot=max(created_at, from_rfc3339(not_before)) if not_before else created_at,
        started_at=from_rfc3339(started_at) if started_at else None,
        replaced=status.get("reason") == "Replaced",
    )
