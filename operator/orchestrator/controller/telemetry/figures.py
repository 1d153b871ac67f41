"""The metrics for Prometheus.

Labels carry namespace, workflow, verb, resource and code: never the name of an execution, a node
or another object, of which there is no end.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from orchestrator.controller.telemetry.collectors import PREFIX, Reading, Sources
from orchestrator.triggers.plan import Outcome

_PASS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)
_NEXT = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
_WAIT = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300)
_REQUEST = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60)
_EXECUTION = (1, 5, 15, 60, 300, 900, 3600, 4 * 3600, 24 * 3600)
CONTENT_TYPE = CONTENT_TYPE_LATEST


class Figures:
    """The operator's figures, in a registry of their own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(namespace=PREFIX, registry=self._registry)
        self._build = Gauge(
            "build_info",
            "Always 1; the label is the version of the operator.",
            ["version"],
            namespace=PREFIX,
            registry=self._registry,
        )
        self._waits = Histogram(
            "workqueue_queue_duration_seconds",
            "How long keys waited in a workqueue before they were reconciled, by its name.",
            ["name"],
            buckets=_WAIT,
            namespace=PREFIX,
            registry=self._registry,
        )
        self._requests = Histogram(
            "api_request_duration_seconds",
            "Duration of requests to the API server, by verb; without watches, and without the "
            "time for which a request waits to be sent.",
            ["verb"],
            buckets=_REQUEST,
            namespace=PREFIX,
            registry=self._registry,
        )
        self._durations = Histogram(
            "execution_duration_seconds",
            "Time from the admission of executions to their end; the workflow is empty where it "
            "was not found.",
            ["namespace", "workflow"],
            buckets=_EXECUTION,
            namespace=PREFIX,
            registry=self._registry,
        )
        self._trigger_events = Counter(
            "trigger_events_total",
            "Events that Triggers received, by what became of them: started, filtered, "
            "deduplicated, limited or failed.",
            ["namespace", "trigger", "outcome"],
            namespace=PREFIX,
            registry=self._registry,
        )
        self._certificate = Gauge(
            "webhook_certificate_expiry_timestamp_seconds",
            "When the certificate of the admission webhook expires, in seconds since the epoch; "
            "absent where no webhook is served.",
            namespace=PREFIX,
            registry=None,
        )
        self._passes = Histogram(
            "reconcile_duration_seconds",
            "Duration of the reconciliations of executions.",
            buckets=_PASS,
            namespace=PREFIX,
            registry=self._registry,
        )
        self._next = Histogram(
            "node_transition_duration_seconds",
            "Time from observing the end of a pod to creating what follows.",
            buckets=_NEXT,
            namespace=PREFIX,
            registry=self._registry,
        )
        self._attempts = Counter(
            "nodes_finished_total",
            "Nodes that have ended, by kind and phase.",
            ["kind", "phase"],
            namespace=PREFIX,
            registry=self._registry,
        )
        self._executions = Counter(
            "executions_finished_total",
            "Executions that have ended; the workflow is empty where it was not found.",
            ["namespace", "workflow", "phase"],
            namespace=PREFIX,
            registry=self._registry,
        )
        self._ended_pods: dict[tuple[str, str], float] = {}
        """Since when the end of a pod waits to be reconciled, by execution."""
        self._has_certificate = False

    def read(self, sources: Sources, version: str) -> None:
        """Where the figures that are read when they are asked for come from."""
        self._registry.register(Reading(sources))
        self._build.labels(version).set(1)

    def waited(self, queue: str, seconds: float) -> None:
        """A key waited so long in a queue before a pass over it began."""
        self._waits.labels(queue).observe(seconds)

    def requested(self, verb: str, seconds: float) -> None:
        """A request to the API server took so long."""
        self._requests.labels(verb).observe(seconds)

    def event_delivered(self, namespace: str, trigger: str, outcome: str) -> None:
        """An event of a Trigger was handled."""
        self._trigger_events.labels(namespace, trigger, outcome).inc()

    def trigger_seen(self, namespace: str, trigger: str) -> None:
        """A Trigger exists: its series begin with 0, so that its first event is an increase."""
        for outcome in Outcome:
            self._trigger_events.labels(namespace, trigger, outcome.value)

    def forget_trigger(self, namespace: str, trigger: str) -> None:
        """A Trigger is gone, and its series with it."""
        self._trigger_events.remove_by_labels({"namespace": namespace, "trigger": trigger})

    def certificate_served(self, expires_at: Callable[[], float | None]) -> None:
        """The admission webhook is served with a certificate; when it expires, if that is known."""
        if not self._has_certificate:
            self._registry.register(self._certificate)
            self._has_certificate = True

        def read() -> float:
            moment = expires_at()
            return math.nan if moment is None else moment

        self._certificate.set_function(read)

    def pod_ended(self, key: tuple[str, str]) -> None:
        """A pod of this execution has ended."""
        self._ended_pods.setdefault(key, time.monotonic())

    def created(self, key: tuple[str, str]) -> None:
        """Something was created for this execution."""
        began = self._ended_pods.pop(key, None)
        if began is not None:
            self._next.observe(time.monotonic() - began)

    def passed(self, key: tuple[str, str], seconds: float) -> None:
        """A reconciliation of an execution took so long."""
        self._passes.observe(seconds)
        self._ended_pods.pop(key, None)

    def node_ended(self, kind: str, phase: str) -> None:
        """A node's end was stored."""
        self._attempts.labels(kind, phase).inc()

    def execution_ended(
        self, namespace: str, workflow: str, phase: str, seconds: float | None = None
    ) -> None:
        """An execution's end was stored, so many seconds after its admission if it was admitted."""
        self._executions.labels(namespace, workflow, phase).inc()
        if seconds is not None:
            self._durations.labels(namespace, workflow).observe(seconds)

    def forget_workflow(self, namespace: str, workflow: str) -> None:
        """A Workflow is gone, and its series with it."""
        for metric in (self._executions, self._durations):
            metric.remove_by_labels({"namespace": namespace, "workflow": workflow})

    def text(self) -> bytes:
        """All of it, in Prometheus' text format."""
        return generate_latest(self._registry)
