"""Objects that this process created for an execution, refusals, and creations to be retried."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from orchestrator.controller.executions.state.child_names import AttemptKey
from orchestrator.controller.executions.state.holdups import HoldUp, following
from orchestrator.engine.observed import Attempt, AttemptState

CACHE_LAG = 5.0
"""Seconds after which a created object that is not in the cache is read live."""


@dataclass(slots=True)
class Creations:
    """Objects by name, refusals by attempt."""

    _created: dict[str, float] = field(default_factory=dict)
    """Jobs, sub-executions and their objects by name, and when their creation was requested."""
    _job_uids: dict[str, str] = field(default_factory=dict)
    _refused: dict[AttemptKey, Attempt] = field(default_factory=dict)
    _hold_ups: dict[AttemptKey, HoldUp] = field(default_factory=dict)

    def __contains__(self, name: str) -> bool:
        """Whether this process created or found the object."""
        return name in self._created

    def add(self, name: str, now: float) -> None:
        """Record that the object was created, or found to exist."""
        self._created[name] = now

    def found(self, name: str, now: float) -> None:
        """Record that the object exists, even if others created it."""
        self._created.setdefault(name, now)

    def is_recent(self, name: str, now: float) -> bool:
        """Whether it was created so recently that the caches may lack it."""
        created = self._created.get(name)
        return (
            created is not None and created <= now < created + CACHE_LAG
        )  # the clock may be set back

    # Jobs

    def add_job(self, name: str, uid: str) -> None:
        """Record the uid of the Job that the API server created."""
        self._job_uids[name] = uid

    def is_own_job(self, name: str, uid: str) -> bool:
        """Whether the Job is the one that was first observed or created under this name."""
        return self._job_uids.setdefault(name, uid) == uid

    def job_uid(self, name: str) -> str:
        """The uid of the Job; empty while it is unknown."""
        return self._job_uids.get(name, "")

    # Refusals

    def may_create(self, key: AttemptKey, now: float) -> bool:
        """Whether the attempt's creation was not refused for good and is not held up."""
        hold_up = self._hold_ups.get(key)
        return key not in self._refused and (hold_up is None or now >= hold_up.retry_at)

    def settle(self, key: AttemptKey, refusal: Attempt | None, now: float) -> None:
        """Record success, or the attempt that represents the refusal: Pending if it is retried."""
        if refusal is None:
            self._hold_ups.pop(key, None)
        elif refusal.state is AttemptState.PENDING:
            self._hold_ups[key] = following(self._hold_ups.get(key), refusal, now)
        else:
            self._refused[key] = refusal

    def refusal(self, key: AttemptKey) -> Attempt | None:
        """The attempt that represents the refusal, if it was refused."""
        return self._refused.get(key)

    def refusals(self) -> Mapping[tuple[str, int], Attempt]:
        """The refused attempts of nodes; not those of items."""
        return {
            (node, attempt): refusal
            for (node, attempt, item), refusal in self._refused.items()
            if item is None
        }

    def hold_up(self, key: AttemptKey) -> HoldUp | None:
        """Why the attempt could not be created so far, if it could not."""
        return self._hold_ups.get(key)

    def held_up_nodes(self) -> Iterator[AttemptKey]:
        """The held-up attempts of nodes; not those of items."""
        return (key for key in list(self._hold_ups) if key.item is None)
