"""Invariants of pauses and of other interventions.

A paused execution starts nothing and propagates its pause; whatever ends the pause
ends it soon, for its sub-executions too; `finally` always runs; a re-run copies the outputs of
succeeded nodes only.
"""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.engine.times import from_rfc3339
from orchestrator.models.base import parse_duration
from tests.simulation.invariants import MAX_REACTION, Invariants, begun, over, terminal
from tests.simulation.scenario import NAMESPACE, Raw, Scenario
from tests.simulation.store import Store


class PauseInvariants:
    """Checks every change of a store, and every second what depends on time."""

    def __init__(self, scenario: Scenario, store: Store, holds: Invariants) -> None:
        self._scenario, self._store, self._holds = scenario, store, holds
        self._known: set[str] = set()
        """Executions of which the operator has stored that they are paused, since that was asked
        for last."""
        self._since: dict[str, float] = {}
        """Since when something is as it may be for a short time only, by its description."""
        store.observers.append(self._changed)

    # Changes

    def _changed(self, plural: str, old: Raw | None, new: Raw | None) -> None:
        if new is None or plural not in ("jobs", "workflowexecutions"):
            return
        if old is None:
            self._made(plural, new)
        elif plural == "workflowexecutions":
            self._execution(old, new)

    def _execution(self, old: Raw, new: Raw) -> None:
        name = new["metadata"]["name"]
        if old["spec"]["desiredState"] != new["spec"]["desiredState"]:
            self._known.discard(name)
        elif withholds(new):  # a status is written by who has read the spec
            self._known.add(name)
        if withholds(old) and withholds(new):
            self._nothing_starts(old, new)

    def _made(self, plural: str, new: Raw) -> None:
        """A second operator may act on evidence before it knows of the pause; its write fails."""
        owners = new["metadata"].get("ownerReferences")
        if not owners or self._scenario.operators.second:
            return
        above, name = owners[0]["name"], new["metadata"]["name"]
        owner = self._store.objects.get(("workflowexecutions", NAMESPACE, above))
        if owner is not None and above in self._known and withholds(owner):
            self._holds.wrong(f"{plural} {name} made while {above} is paused")

    def _nothing_starts(self, old: Raw, new: Raw) -> None:
        before, name = old["status"].get("nodes") or {}, new["metadata"]["name"]
        for node, record in (new["status"].get("nodes") or {}).items():
            known = before.get(node)
            made = record.get("job") or record.get("execution") or "items" in record
            if known is None and not over(record) and not made:  # it was made before the pause
                self._holds.wrong(f"{name}.{node} started while paused: {record}")
            elif known is not None and record.get("attempts", 0) > known.get("attempts", 0):
                self._holds.wrong(f"{name}.{node} was tried again while paused: {record}")

    # Every second

    def check(self) -> None:
        """What is wrong for longer than it may take while nothing goes wrong."""
        now, well = self._store.clock(), self._holds.well
        odd = set(self._oddities(now))
        self._since = {words: self._since.get(words, now) for words in odd}
        if well is None or not self._holds.hears_all:
            return
        for words, since in self._since.items():
            if now - max(since, well) > MAX_REACTION:
                self._holds.wrong(f"{words} for {now - max(since, well):.0f} s")

    def _oddities(self, now: float) -> Iterator[str]:
        for raw in self._store.all("workflowexecutions"):
            if not begun(raw):
                continue
            name, status, spec = raw["metadata"]["name"], raw["status"], raw["spec"]
            paused, ending = spec["desiredState"] == "Paused", status.get("cancelRequested")
            if status["phase"] == "Paused" and not (paused and not ending):
                yield f"{name} is Paused though its pause is over"
            if status["phase"] == "Running" and paused and not ending:
                yield f"{name} is not Paused though it is to be"
            if self._late(raw, now) and not ending and not status.get("settled"):
                yield f"{name} goes on though its time is over"
            yield from self._of_child(raw)

    def _late(self, raw: Raw, now: float) -> bool:
        timeout = self._scenario.workflows[raw["spec"]["workflow"]].get("timeout")
        if timeout is None:
            return False
        return now > from_rfc3339(raw["status"]["startedAt"]) + parse_duration(timeout)

    def _of_child(self, raw: Raw) -> Iterator[str]:
        parent = raw["spec"].get("parent")
        above = parent and self._store.objects.get(
            ("workflowexecutions", NAMESPACE, parent["name"])
        )
        name, state = raw["metadata"]["name"], raw["spec"]["desiredState"]
        if above and terminal(above):
            yield f"{name} goes on though its parent {parent['name']} has ended"
        if not above or not begun(above):
            return
        if state == "Running" and withholds(above):
            yield f"{name} is not paused with its parent {parent['name']}"
        if state == "Paused" and above["status"]["phase"] == "Running":
            yield f"{name} stays paused though its parent {parent['name']} is not"

    # At the end

    def judge(self) -> None:
        """What must hold of every execution that has ended."""
        for raw in self._store.all("workflowexecutions"):
            self._final_nodes_ran(raw)
            if "rerunOf" in raw["spec"]:
                self._copied(raw)

    def _final_nodes_ran(self, raw: Raw) -> None:
        status, name = raw["status"], raw["metadata"]["name"]
        if not status.get("revision") or raw["spec"]["desiredState"] == "Terminated":
            return
        for node in self._scenario.workflows[raw["spec"]["workflow"]].get("finally", ()):
            record = (status.get("nodes") or {}).get(node)
            if record is None or record["phase"] in ("Skipped", "Cancelled"):
                self._holds.wrong(f"{name} ended without {node} of its finally: {record}")

    def _copied(self, raw: Raw) -> None:
        rerun, name = raw["spec"]["rerunOf"], raw["metadata"]["name"]
        source = self._store.objects[("workflowexecutions", NAMESPACE, rerun["name"])]
        before = (source.get("status") or {}).get("nodes") or {}
        for node, record in (raw["status"].get("nodes") or {}).items():
            if record.get("reason") != "Reused":
                continue
            known = before.get(node, {})
            same = record.get("outputs") == known.get("outputs")
            if known.get("phase") != "Succeeded" or not same or node in rerun["from"]:
                self._holds.wrong(f"{name}.{node} was copied as {record} from {known}")


def withholds(raw: Raw) -> bool:
    """Whether it is stored that the execution is paused, and nothing has ended the pause."""
    status = raw.get("status") or {}
    return (
        status.get("phase") == "Paused"
        and raw["spec"]["desiredState"] == "Paused"
        and not status.get("cancelRequested")
        and not terminal(raw)
    )
