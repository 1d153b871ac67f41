"""The metrics of kept logs, for Prometheus."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge

from orchestrator.history.logs.kept_log import Outcome
from orchestrator.history.metrics import PREFIX

FAILURES = ("read", "store")


class LogMetrics:
    """In the registry of the process that records."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.kept = Counter(
            "history_logs_kept_total",
            "Logs of pods whose keeping has ended, by outcome: Complete, or Cut if the end is"
            " missing.",
            ["outcome"],
            namespace=PREFIX,
            registry=registry,
        )
        self.read = self._counter(
            registry, "history_log_read_bytes_total", "Bytes of logs that were read from pods."
        )
        self.stored = self._counter(
            registry, "history_log_stored_bytes_total", "Compressed bytes of logs that were stored."
        )
        self.failures = Counter(
            "history_log_failures_total",
            "Attempts to keep logs that failed, by what failed: read or store; they are repeated.",
            ["what"],
            namespace=PREFIX,
            registry=registry,
        )
        self.removed = self._counter(
            registry, "history_logs_removed_total", "Logs that retention has removed."
        )
        self._followed = self._gauge(
            registry, "history_logs_followed", "Logs of running pods that are followed."
        )
        self._waiting = self._gauge(
            registry, "history_logs_waiting", "Logs of pods that have begun and are not kept yet."
        )
        for outcome in (Outcome.COMPLETE, Outcome.CUT):
            self.kept.labels(outcome.value)
        for failure in FAILURES:
            self.failures.labels(failure)

    def observe(self, *, followed: Callable[[], float], waiting: Callable[[], float]) -> None:
        """Read the gauges when they are asked for."""
        self._followed.set_function(followed)
        self._waiting.set_function(waiting)

    def _counter(self, registry: CollectorRegistry, name: str, words: str) -> Counter:
        return Counter(name, words, namespace=PREFIX, registry=registry)

    def _gauge(self, registry: CollectorRegistry, name: str, words: str) -> Gauge:
        return Gauge(name, words, namespace=PREFIX, registry=registry)
