"""The metrics of the recorder, for Prometheus."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from prometheus_client import CollectorRegistry, Counter, Gauge

PREFIX = "itechsmart_workflow"


class Failure(StrEnum):
    """Why something was not recorded at once."""

    DATABASE = "database"
    API = "api"
    REFUSED = "refused"
    """The API server refuses the condition."""
    INVALID = "invalid"
    """The database refuses the execution."""


class HistoryMetrics:
    """In the registry of the process that records."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.recorded = Counter(
            "history_recorded_total",
            "Executions that this replica has recorded in the history.",
            namespace=PREFIX,
            registry=registry,
        )
        self._failures = Counter(
            "history_failures_total",
            "Attempts to record executions that failed, by what failed: database, api, refused or "
            "invalid; they are repeated.",
            ["what"],
            namespace=PREFIX,
            registry=registry,
        )
        self.removed = Counter(
            "history_removed_total",
            "Executions that the retention of the history has removed.",
            namespace=PREFIX,
            registry=registry,
        )
        self._spans = Counter(
            "history_spans_exported_total",
            "Spans that the collector of traces has taken.",
            namespace=PREFIX,
            registry=registry,
        )
        self._failed_exports = Counter(
            "history_span_export_failures_total",
            "Exports of spans that failed; they are repeated.",
            namespace=PREFIX,
            registry=registry,
        )
        self._without_trace = Counter(
            "history_traces_dropped_total",
            "Executions whose spans were not exported within ten minutes after their end.",
            namespace=PREFIX,
            registry=registry,
        )
        self._waiting = self._gauge(
            registry, "history_waiting", "Ended executions that wait to be recorded."
        )
        self._lag = self._gauge(
            registry,
            "history_lag_seconds",
            "For how long the execution that has waited longest waits to be recorded.",
        )
        self._up = self._gauge(
            registry,
            "history_database_up",
            "1 if the last use of the history's database succeeded, otherwise 0.",
        )
        self._leader = self._gauge(
            registry, "history_leader", "1 if this replica is the one that records, otherwise 0."
        )
        for failure in Failure:
            self._failures.labels(failure.value)

    def observe(
        self,
        *,
        waiting: Callable[[], float],
        lag: Callable[[], float],
        up: Callable[[], bool],
        leader: Callable[[], bool],
    ) -> None:
        """Read the gauges from the recorder when they are asked for."""
        self._waiting.set_function(waiting)
        self._lag.set_function(lag)
        self._up.set_function(up)
        self._leader.set_function(leader)

    def failed(self, failure: Failure) -> None:
        """An attempt failed."""
        self._failures.labels(failure.value).inc()

    def spans_exported(self, spans: int) -> None:
        """The collector has taken spans."""
        self._spans.inc(spans)

    def spans_failed(self) -> None:
        """An export failed."""
        self._failed_exports.inc()

    def spans_dropped(self, executions: int) -> None:
        """The collector was away for too long after the end of executions."""
        self._without_trace.inc(executions)

    def _gauge(self, registry: CollectorRegistry, name: str, words: str) -> Gauge:
        return Gauge(name, words, namespace=PREFIX, registry=registry)
