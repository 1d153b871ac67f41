"""Jobs that this process stopped, and the Jobs and sub-executions that it must stop."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Stops:
    """Sent stop requests, and orphans: Jobs and sub-executions of attempts that have ended."""

    _sent: set[tuple[str, bool]] = field(default_factory=set)
    _orphans: dict[str, str] = field(default_factory=dict)
    """Nodes by Job."""
    _children: dict[str, str] = field(default_factory=dict)
    """Nodes by sub-execution."""

    def continued(self) -> Stops:
        """What remains valid when the execution is read again; its orphans are found again."""
        return Stops(self._sent)

    def was_sent(self, job: str, *, force: bool) -> bool:
        """Whether this stop request was sent to the Job."""
        return (job, force) in self._sent

    def sent(self, job: str, *, force: bool) -> None:
        """Record a stop request to the Job, gently or by force."""
        self._sent.add((job, force))

    def add_orphan(self, job: str, node: str) -> None:
        """Record that the Job belongs to an attempt of the node that has ended."""
        self._orphans[job] = node

    def is_orphan(self, job: str) -> bool:
        """Whether the Job is about to be stopped."""
        return job in self._orphans

    def next_orphan(self) -> tuple[str, str] | None:
        """A Job to stop, with its node; it stays first until it is removed."""
        return next(iter(self._orphans.items()), None)

    def remove_orphan(self, job: str) -> None:
        """Record that the Job was stopped, or cannot be."""
        del self._orphans[job]

    def add_child(self, name: str, node: str) -> None:
        """Record that the sub-execution belongs to an attempt or item of the node that has
        ended."""
        self._children[name] = node

    def take_child(self) -> tuple[str, str] | None:
        """Remove and return a sub-execution to stop, with its node."""
        return self._children.popitem() if self._children else None
