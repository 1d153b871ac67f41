"""Observations that are too costly to repeat in every pass."""

from __future__ import annotations

from dataclasses import dataclass, field

from orchestrator.engine.observed import Attempt

LIVE_READ_INTERVAL = 10.0
"""Seconds between two live reads of an overdue attempt."""


@dataclass(slots=True)
class Observations:
    """Fan-outs as last observed, and when overdue attempts were read live, by Job."""

    _fan_outs: dict[str, tuple[Attempt, float]] = field(default_factory=dict)
    _live_reads: dict[str, float] = field(default_factory=dict)

    def fan_out(self, job: str) -> tuple[Attempt, float] | None:
        """The fan-out as last observed, and when."""
        return self._fan_outs.get(job)

    def observed_fan_out(self, job: str, attempt: Attempt, now: float) -> None:
        """Record that all items of the fan-out were observed."""
        self._fan_outs[job] = attempt, now

    def begin_live_read(self, job: str, now: float) -> bool:
        """Whether the attempt's last live read is long enough ago; if so, one is recorded."""
        if now < self._live_reads.get(job, 0.0) + LIVE_READ_INTERVAL:
            return False
        self._live_reads[job] = now
        return True
