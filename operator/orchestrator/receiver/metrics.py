"""The receiver's metrics for Prometheus.

Labels carry the namespace and the name of a Trigger, never those of an execution, and nothing that
an unverified sender chooses: a path without a Trigger counts for none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import generate_latest

from orchestrator.kube.client import ApiClient
from orchestrator.triggers.plan import Outcome

PREFIX = "itechsmart_workflow"
_ANSWER = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
UNKNOWN = "unknown"
"""The type in the labels of a request to no trigger that takes requests."""
REFUSALS = ("401", "429", "503")
"""Status codes whose series begin at 0, so that the first such answer is an increase."""


class TriggerLabels(NamedTuple):
    """What the series of a Trigger are labelled with."""

    namespace: str = ""
    trigger: str = ""
    type: str = UNKNOWN


NO_TRIGGER = TriggerLabels()
"""The labels of requests to no trigger that takes requests."""


class ReceiverMetrics:
    """The receiver's metrics, in a registry of their own."""

    def __init__(self, version: str) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(namespace=f"{PREFIX}_receiver", registry=self._registry)
        build = Gauge(
            "receiver_build_info",
            "Always 1; the label is the version of the receiver.",
            ["version"],
            namespace=PREFIX,
            registry=self._registry,
        )
        build.labels(version).set(1)
        self._requests = Counter(
            "receiver_requests_total",
            "Requests that were answered, by Trigger and status code; without a Trigger that takes "
            "requests, namespace and trigger are empty.",
            [*TriggerLabels._fields, "code"],
            namespace=PREFIX,
            registry=self._registry,
        )
        self._durations = Histogram(
            "receiver_request_duration_seconds",
            "Time from the headers of a request to its answer, by the type of the trigger; without "
            "those that wait for a result.",
            ["type"],
            buckets=_ANSWER,
            namespace=PREFIX,
            registry=self._registry,
        )
        self._events = Counter(
            "receiver_events_total",
            "Events from outside, by Trigger and outcome: started, filtered, deduplicated, limited "
            "or failed.",
            [*TriggerLabels._fields, "outcome"],
            namespace=PREFIX,
            registry=self._registry,
        )
        self._active = Gauge(
            "receiver_active_requests",
            "Requests that are being processed.",
            namespace=PREFIX,
            registry=self._registry,
        )
        self._store_failures = Counter(
            "receiver_store_failures_total",
            "Attempts to store an event that failed, by Trigger; the sender or the listener "
            "repeats them.",
            TriggerLabels._fields,
            namespace=PREFIX,
            registry=self._registry,
        )
        self._listeners = Gauge(
            "receiver_listener_connected",
            "1 if the source of a Trigger that this replica listens to can be read, otherwise 0.",
            TriggerLabels._fields,
            namespace=PREFIX,
            registry=self._registry,
        )
        self._api = Histogram(
            "receiver_api_request_duration_seconds",
            "Duration of requests to the API server, by verb; without watches.",
            ["verb"],
            buckets=_ANSWER,
            namespace=PREFIX,
            registry=self._registry,
        )

    def observe(self, client: ApiClient) -> None:
        """Measure the requests of a client."""
        client.time_requests(self.requested)

    def requested(self, verb: str, seconds: float) -> None:
        """Observe the duration of a request to the API server."""
        self._api.labels(verb).observe(seconds)

    def answered(self, of: TriggerLabels, code: int, seconds: float | None) -> None:
        """Count a response; without `seconds` its duration is not observed."""
        self._requests.labels(*of, str(code)).inc()
        if seconds is not None:
            self._durations.labels(of.type).observe(seconds)

    def delivered(self, of: TriggerLabels, outcome: str) -> None:
        """Count an event by its outcome."""
        self._events.labels(*of, outcome).inc()

    def not_stored(self, of: TriggerLabels) -> None:
        """Count an event that could not be stored."""
        self._store_failures.labels(*of).inc()

    def trigger_seen(self, of: TriggerLabels, *, takes_requests: bool) -> None:
        """Start the series of a Trigger at 0, so that its first event is an increase."""
        self._store_failures.labels(*of)
        for outcome in Outcome:
            self._events.labels(*of, outcome.value)
        for code in REFUSALS if takes_requests else ():
            self._requests.labels(*of, code)

    def forget_trigger(self, namespace: str, trigger: str) -> None:
        """Remove the series of a deleted Trigger."""
        for metric in (self._requests, self._events, self._store_failures):
            metric.remove_by_labels({"namespace": namespace, "trigger": trigger})

    def active(self, count: int) -> None:
        """Set the number of requests that are being processed."""
        self._active.set(count)

    def listening(self, connected: Mapping[TriggerLabels, bool]) -> None:
        """Set whether the source of each Trigger with a listener can be read."""
        self._listeners.clear()
        for of, value in connected.items():
            self._listeners.labels(*of).set(value)

    def text(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self._registry)
