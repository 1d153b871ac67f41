"""A node's record and a run's facts, as the engine uses them, and their conversion to a status."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from orchestrator.engine.people.initiator import initiator_of
from orchestrator.engine.people.trust import TRUSTED, Trust
from orchestrator.engine.status.size import BARE_RECORD_BYTES
from orchestrator.models.execution import DesiredState, ExecutionPhase, NodePhase
from orchestrator.models.plain_text import plain_text
from orchestrator.models.reasons import Reason

MESSAGE_BYTES = 256
_EXACT = 2**53
"""Whole floats up to this size are returned by the API server as integers."""


@dataclass(frozen=True, slots=True)
class Record:
    """The state of a node that has started or was skipped; times are in seconds."""

    phase: NodePhase
    reason: str = ""
    message: str = ""
    attempts: int = 0
    exit_code: int | None = None
    job: str = ""
    started_at: float | None = None
    attempt_started_at: float | None = None
    finished_at: float | None = None
    retry_at: float | None = None
    outputs: Mapping[str, Any] = field(default_factory=dict)
    iteration: int = 0
    iteration_attempts: int = 0
    """Attempts before this iteration."""
    execution: str = ""
    """Name of the sub-execution."""
    items: int | None = None
    """Number of items of a fan-out; their ends are ranges in `completed` and `failed`."""
    completed: str = ""
    failed: str = ""

    @property
    def attempt_start(self) -> float:
        """When the last attempt was decided."""
        return self.attempt_started_at or self.started_at or 0.0

    @property
    def outputs_size(self) -> int:
        """Bytes of the outputs."""
        return len(orjson.dumps(self.outputs)) if self.outputs else 0

    @property
    def size(self) -> int:
        """Maximum bytes of the record in a status."""
        texts = len(self.message.encode()) + len(self.completed) + len(self.failed)
        return BARE_RECORD_BYTES + texts + self.outputs_size


@dataclass(frozen=True, slots=True)
class Cancelling:
    """The run is ending: since when, and why."""

    at: float
    reason: str
    message: str = ""

    @property
    def stops_running(self) -> bool:
        """Whether running attempts are stopped too, not only new ones prevented."""
        return self.reason != Reason.FAILURE_STOPPED


@dataclass(frozen=True, slots=True)
class Settled:
    """How the nodes outside `finally` ended; `expired_at` is when finallyTimeout expired."""

    at: float
    phase: ExecutionPhase
    reason: str
    message: str = ""
    expired_at: float | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One admitted execution: its identity, the requests to it, and its records.

    `active` are the nodes whose record is not final, `tally` counts all records by phase;
    `outputs_size` and `size` are the maximum bytes of all outputs and of all records.
    """

    name: str
    namespace: str
    uid: str
    workflow: str
    started_at: float
    variables: Mapping[str, Any]
    phase: ExecutionPhase = ExecutionPhase.RUNNING
    desired_state: DesiredState = DesiredState.RUNNING
    requester: str | None = None
    trigger: Mapping[str, Any] | None = None
    parent: Mapping[str, Any] | None = None
    decisions: tuple[Mapping[str, Any], ...] = ()
    signals: tuple[Mapping[str, Any], ...] = ()
    created_at: float = 0.0
    """When the API server stored the execution."""
    trust: Trust = TRUSTED
    cancelling: Cancelling | None = None
    settled: Settled | None = None
    records: Mapping[str, Record] = field(default_factory=dict)
    active: tuple[str, ...] = ()
    tally: Mapping[NodePhase, int] = field(default_factory=dict)
    outputs_size: int = 0
    size: int = 0

    @property
    def initiator(self) -> str | None:
        """The person who started the run: empty if unknown, None if there is none."""
        spec = {"requester": self.requester, "trigger": self.trigger}
        return initiator_of(spec, trusted=self.trust.requester)

    def recorded(
        self,
        changes: Mapping[str, Record],
        phase: ExecutionPhase,
        cancelling: Cancelling | None,
        settled: Settled | None = None,
    ) -> Run:
        """The run with a pass's changes."""
        tally = dict(self.tally)
        outputs, size = self.outputs_size, self.size
        for name, record in changes.items():
            old = self.records.get(name)
            if old is not None:
                tally[old.phase] -= 1
                outputs -= old.outputs_size
                size -= old.size
            tally[record.phase] = tally.get(record.phase, 0) + 1
            outputs += record.outputs_size
            size += record.size
        active = [name for name in self.active if name not in changes]
        active += [name for name, record in changes.items() if not record.phase.terminal]
        return replace(
            self,
            records={**self.records, **changes},
            phase=phase,
            cancelling=cancelling,
            settled=settled,
            active=tuple(active),
            tally=tally,
            outputs_size=outputs,
            size=size,
        )


def clip(text: str, limit: int = MESSAGE_BYTES) -> str:
    """A message as it is stored: without hidden characters, and cut to at most `limit` bytes of
    UTF-8, with an ellipsis where it was cut."""
    text = plain_text(text)
    raw = text.encode()
    if len(raw) <= limit:
        return text
    return raw[: limit - 3].decode(errors="ignore") + "…"


def as_stored(value: Any) -> Any:
    """A JSON value as a status returns it: 1.0 is 1.

    Decisions use values in this form only, or a restart could change them.
    """
    match value:
        case float() if value.is_integer() and abs(value) <= _EXACT:
            return int(value)
        case dict():
            return {key: as_stored(item) for key, item in value.items()}
        case list():
            return [as_stored(item) for item in value]
        case _:
            return value
