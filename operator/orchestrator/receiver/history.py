"""The executions that triggers created: as the watch reports them, and those created here since.

Deduplication and rate limits count these instead of a live list for each event. A view that is
behind does no harm to exactly-once: the name of the execution decides.
"""

from __future__ import annotations

import asyncio
import math
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from orchestrator.dispatch.creator import created_execution
from orchestrator.kube.cache import Raw
from orchestrator.models.labels import DEDUPE, EVENT, NOT_BEFORE, TRIGGER
from orchestrator.triggers.limits import CreatedExecution
from orchestrator.triggers.plan import PlannedExecution

_KEPT = (TRIGGER, EVENT, DEDUPE, NOT_BEFORE)


def project_execution(raw: Raw) -> Raw | None:
    """What is kept of an execution's metadata; None for one that no trigger created.

    Sub-executions have the trigger of their parent in their spec, but not its label.
    """
    metadata = raw["metadata"]
    labels = metadata.get("labels") or {}
    if TRIGGER not in labels:
        return None
    fields = ("namespace", "name", "uid", "resourceVersion", "creationTimestamp")
    kept: Raw = {field: metadata[field] for field in fields}
    kept["labels"] = {label: labels[label] for label in _KEPT if label in labels}
    return {"metadata": kept}


class Executions:
    """The executions of one trigger by name, with queries for limits in logarithmic time."""

    def __init__(self) -> None:
        self._by_name: dict[str, CreatedExecution] = {}
        self._by_label: dict[tuple[str, str], dict[str, CreatedExecution]] = {}
        self._times: list[tuple[float, str]] = []
        self._waits: list[float] = []

    def __len__(self) -> int:
        return len(self._by_name)

    def add(self, execution: CreatedExecution) -> None:
        """An execution exists."""
        kept = {label: text for label, text in execution.labels.items() if label in _KEPT}
        execution = execution._replace(labels=kept)
        if self._by_name.get(execution.name) == execution:
            return  # created here, and now reported by the watch
        self.remove(execution.name)
        self._by_name[execution.name] = execution
        insort(self._times, (execution.starts_at, execution.name))
        if execution.waits:
            insort(self._waits, execution.starts_at)
        for label in _labels(execution.labels):
            self._by_label.setdefault(label, {})[execution.name] = execution

    def remove(self, name: str) -> None:
        """An execution was deleted."""
        execution = self._by_name.pop(name, None)
        if execution is None:
            return
        del self._times[bisect_left(self._times, (execution.starts_at, name))]
        if execution.waits:
            del self._waits[bisect_left(self._waits, execution.starts_at)]
        for label in _labels(execution.labels):
            group = self._by_label[label]
            group.pop(name, None)
            if not group:
                del self._by_label[label]

    def twins(self, labels: Mapping[str, str]) -> Sequence[CreatedExecution]:
        """See orchestrator.triggers.limits.Made."""
        found: dict[str, CreatedExecution] = {}
        for label in _labels(labels):
            found |= self._by_label.get(label, {})
        return list(found.values())

    def latest_start(self, count: int, before: float = math.inf) -> float | None:
        """See orchestrator.triggers.limits.Made."""
        last = bisect_right(self._times, (before, "\U0010ffff"))
        return self._times[last - count][0] if count <= last else None

    def waiting(self, now: float) -> int:
        """See orchestrator.triggers.limits.Made."""
        return len(self._waits) - bisect_right(self._waits, now)


class TriggerHistory(Executions):
    """The executions of one trigger that exist, and those that are being created."""

    def __init__(self) -> None:
        super().__init__()
        self.pending = Executions()
        """Executions whose creation is in flight."""
        self._created = 0
        self._waiters: dict[asyncio.Future[None], None] = {}

    @property
    def is_used(self) -> bool:
        """Whether an execution counts, is being created, or is waited for."""
        return bool(self or self.pending or self._waiters)

    @contextmanager
    def creating(self, start: PlannedExecution, now: float) -> Iterator[None]:
        """Count an execution as pending in the block, which creates it."""
        self._created += 1
        name = str(self._created)
        self.pending.add(CreatedExecution(now, start.labels, name))
        try:
            yield
        finally:
            self.pending.remove(name)
            self.wake()

    async def settled(self) -> None:
        """Wait until a pending execution exists, or is known not to.

        One waiter is woken at a time; one that need not wait again wakes the next.
        """
        waiter = asyncio.get_running_loop().create_future()
        self._waiters[waiter] = None
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                self.wake()  # woken and cancelled at once: the next takes its turn
            raise
        finally:
            self._waiters.pop(waiter, None)

    def wake(self) -> None:
        """Wake the waiter that has waited longest for a pending execution."""
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
                return


class Both:
    """The executions of two collections as one."""

    def __init__(self, one: Executions, other: Executions) -> None:
        self._one = one
        self._other = other

    def twins(self, labels: Mapping[str, str]) -> Sequence[CreatedExecution]:
        """See orchestrator.triggers.limits.Made."""
        return [*self._one.twins(labels), *self._other.twins(labels)]

    def latest_start(self, count: int, before: float = math.inf) -> float | None:
        """See orchestrator.triggers.limits.Made.

        The latest `count` are some of the one and the rest of the other: bisects how many.
        """

        def latest(of: Executions, number: int) -> float:
            if number == 0:
                return math.inf
            start = of.latest_start(number, before)
            return -math.inf if start is None else start

        others = range(count + 1)
        split = bisect_left(
            others,
            True,
            key=lambda number: latest(self._one, count - number) >= latest(self._other, number),
        )
        found = max(
            min(latest(self._one, count - number), latest(self._other, number))
            for number in (split - 1, split)
            if 0 <= number <= count
        )
        return None if found == -math.inf else found

    def waiting(self, now: float) -> int:
        """See orchestrator.triggers.limits.Made."""
        return self._one.waiting(now) + self._other.waiting(now)


class History:
    """The executions of all triggers, and of what labels say is one: any editor can set these."""

    def __init__(self) -> None:
        self._triggers: dict[tuple[str, str], TriggerHistory] = {}

    def __len__(self) -> int:
        return len(self._triggers)

    def of(self, trigger: Mapping[str, Any]) -> TriggerHistory:
        """The executions of the Trigger with this metadata; to be used before the next await."""
        return self._triggers.setdefault((trigger["namespace"], trigger["uid"]), TriggerHistory())

    def forget(self, trigger: Mapping[str, Any]) -> None:
        """A Trigger was deleted."""
        self._triggers.pop((trigger["namespace"], trigger["uid"]), None)

    def on_event(self, kind: str, raw: Raw, old: Raw | None) -> None:
        """An execution was created, changed or deleted, as a reflector reports it."""
        if old is not None and (kind == "DELETED" or _trigger_of(old) != _trigger_of(raw)):
            self._remove(_trigger_of(old), old["metadata"]["name"])
        if kind != "DELETED":
            namespace, uid = _trigger_of(raw)
            self.of({"namespace": namespace, "uid": uid}).add(created_execution(raw))

    def _remove(self, trigger: tuple[str, str], name: str) -> None:
        known = self._triggers.get(trigger)
        if known is None:
            return
        known.remove(name)
        if not known.is_used:
            del self._triggers[trigger]


def _trigger_of(execution: Raw) -> tuple[str, str]:
    metadata = execution["metadata"]
    return metadata["namespace"], metadata["labels"][TRIGGER]


def _labels(labels: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for label in (EVENT, DEDUPE):
        if value := labels.get(label):
            yield label, value
