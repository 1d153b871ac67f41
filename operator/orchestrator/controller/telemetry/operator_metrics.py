"""The metrics for Prometheus.

Labels contain namespace, workflow, trigger, verb, resource and code, never the name of an execution
or a node: the number of these is unbounded.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import generate_latest

from orchestrator.controller.telemetry.collectors import MetricSources, OperatorCollector
from orchestrator.controller.telemetry.families import PREFIX
from orchestrator.models.execution import ExecutionPhase
from orchestrator.triggers.plan import Outcome

_RECONCILE_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)
_TRANSITION_BUCKETS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
_QUEUE_BUCKETS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300)
_REQUEST_BUCKETS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60)
_EXECUTION_BUCKETS = (1, 5, 15, 60, 300, 900, 3600, 4 * 3600, 24 * 3600)


class OperatorMetrics:
    """The operator's metrics, in a registry of their own."""

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
            "Time that keys waited in a workqueue before they were reconciled, by queue name.",
            ["name"],
            buckets=_QUEUE_BUCKETS,
            namespace=PREFIX,
            registry=self._registry,
        )
        self._requests = Histogram(
            "api_request_duration_seconds",
            "Duration of requests to the API server, by verb; excludes watches, and the time that "
            "a request waits to be sent.",
            ["verb"],
            buckets=_REQUEST_BUCKETS,
            namespace=PREFIX,
            registry=self._registry,
        )
        self._durations = Histogram(
            "execution_duration_seconds",
            "Time from the admission of executions to their end; the workflow is empty if it was "
            "not found.",
            ["namespace", "workflow"],
            buckets=_EXECUTION_BUCKETS,
            namespace=PREFIX,
            registry=self._registry,
        )
        self._trigger_events = Counter(
            "trigger_events_total",
            "Events that Triggers received, by outcome: started, filtered, deduplicated, limited "
            "or failed.",
            ["namespace", "trigger", "outcome"],
            namespace=PREFIX,
            registry=self._registry,
        )
        self._certificate = Gauge(
            "webhook_certificate_expiry_timestamp_seconds",
            "Expiry time of the admission webhook's certificate, in seconds since the epoch; "
            "absent if no webhook is served.",
            namespace=PREFIX,
            registry=None,
        )
        self._reconciliations = Histogram(
            "reconcile_duration_seconds",
            "Duration of the reconciliations of executions.",
            buckets=_RECONCILE_BUCKETS,
            namespace=PREFIX,
            registry=self._registry,
        )
        self._transitions = Histogram(
            "node_transition_duration_seconds",
            "Time from observing the end of a pod to creating the next object.",
            buckets=_TRANSITION_BUCKETS,
            namespace=PREFIX,
            registry=self._registry,
        )
        self._nodes = Counter(
            "nodes_finished_total",
            "Nodes that have ended, by kind and phase.",
            ["kind", "phase"],
            namespace=PREFIX,
            registry=self._registry,
        )
        self._executions = Counter(
            "executions_finished_total",
            "Executions that have ended; the workflow is empty if it was not found.",
            ["namespace", "workflow", "phase"],
            namespace=PREFIX,
            registry=self._registry,
        )
        self._ended_pods: dict[tuple[str, str], float] = {}
        """When the first pod whose end is not reconciled yet ended, by execution."""
        self._has_certificate = False

    def register(self, sources: MetricSources, version: str) -> None:
        """Add the metrics that are read from `sources` at each scrape."""
        self._registry.register(OperatorCollector(sources))
        self._build.labels(version).set(1)

    def key_waited(self, queue: str, seconds: float) -> None:
        """Record how long a key waited in a queue before its reconciliation began."""
        self._waits.labels(queue).observe(seconds)

    def request_finished(self, verb: str, seconds: float) -> None:
        """Record the duration of a request to the API server."""
        self._requests.labels(verb).observe(seconds)

    def event_delivered(self, namespace: str, trigger: str, outcome: str) -> None:
        """Count an event of a Trigger."""
        self._trigger_events.labels(namespace, trigger, outcome).inc()

    def trigger_seen(self, namespace: str, trigger: str) -> None:
        """Start the series of a Trigger at 0, so that its first event is an increase."""
        for outcome in Outcome:
            self._trigger_events.labels(namespace, trigger, outcome.value)

    def forget_trigger(self, namespace: str, trigger: str) -> None:
        """Remove the series of a deleted Trigger."""
        self._trigger_events.remove_by_labels({"namespace": namespace, "trigger": trigger})

    def certificate_served(self, expires_at: Callable[[], float | None]) -> None:
        """Report when the admission webhook's certificate expires; `expires_at` returns seconds
        since the epoch, or None if unknown."""
        if not self._has_certificate:
            self._registry.register(self._certificate)
            self._has_certificate = True

        def read() -> float:
            moment = expires_at()
            return math.nan if moment is None else moment

        self._certificate.set_function(read)

    def pod_ended(self, key: tuple[str, str]) -> None:
        """Start to measure the transition of an execution, one of whose pods has ended."""
        self._ended_pods.setdefault(key, time.monotonic())

    def object_created(self, key: tuple[str, str]) -> None:
        """Record the transition of an execution, for which a Job or a sub-execution was created."""
        ended_at = self._ended_pods.pop(key, None)
        if ended_at is not None:
            self._transitions.observe(time.monotonic() - ended_at)

    def reconciled(self, key: tuple[str, str], seconds: float) -> None:
        """Record the duration of a reconciliation of an execution."""
        self._reconciliations.observe(seconds)
        self._ended_pods.pop(key, None)

    def node_ended(self, kind: str, phase: str) -> None:
        """Count a node whose end is stored."""
        self._nodes.labels(kind, phase).inc()

    def execution_ended(
        self, namespace: str, workflow: str, phase: str, seconds: float | None = None
    ) -> None:
        """Count an execution whose end is stored; `seconds` is the time since its admission, or
        None if it was not admitted."""
        self._executions.labels(namespace, workflow, phase).inc()
        if seconds is not None:
            self._durations.labels(namespace, workflow).observe(seconds)

    def workflow_seen(self, namespace: str, workflow: str) -> None:
        """Start the series of a Workflow at 0, so that its first end is an increase."""
        for phase in ExecutionPhase:
            if phase.terminal:
                self._executions.labels(namespace, workflow, phase.value)

    def forget_workflow(self, namespace: str, workflow: str) -> None:
        """Remove the series of a deleted Workflow."""
        for metric in (self._executions, self._durations):
            metric.remove_by_labels({"namespace": namespace, "workflow": workflow})

    def text(self) -> bytes:
        """All metrics in the text format of Prometheus."""
        return generate_latest(self._registry)
