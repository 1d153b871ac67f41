"""The metrics for Prometheus.

Labels carry namespace, workflow, verb, resource and code: never the name of an execution, a node
or another object, of which there is no end.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

_PASS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)
_NEXT = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
CONTENT_TYPE = CONTENT_TYPE_LATEST
PREFIX = "itechsmart_workflow"
"""Of every metric's name, before an underscore."""


class Figures:
    """The operator's figures, in a registry of their own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._queue = Gauge(
            "workqueue_depth",
            "Executions that wait in the workqueue.",
            namespace=PREFIX,
            registry=self._registry,
        )
        self._lease = Gauge(
            "leader",
            "1 if this replica is the leader, otherwise 0.",
            namespace=PREFIX,
            registry=self._registry,
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

    def watch(
        self,
        depth: Callable[[], float],
        lease: Callable[[], float],
        answers: Mapping[tuple[str, str, str], int],
    ) -> None:
        """Where the figures that are asked for come from; `answers` by verb, resource and code."""
        self._queue.set_function(depth)
        self._lease.set_function(lease)
        self._registry.register(_Answers(answers))

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

    def execution_ended(self, namespace: str, workflow: str, phase: str) -> None:
        """An execution's end was stored."""
        self._executions.labels(namespace, workflow, phase).inc()

    def forget_workflow(self, namespace: str, workflow: str) -> None:
        """A Workflow is gone, and its series with it."""
        self._executions.remove_by_labels({"namespace": namespace, "workflow": workflow})

    def text(self) -> bytes:
        """All of it, in Prometheus' text format."""
        return generate_latest(self._registry)


class _Answers(Collector):
    def __init__(self, answers: Mapping[tuple[str, str, str], int]) -> None:
        self._answers = answers

    def collect(self) -> Iterator[Metric]:
        family = CounterMetricFamily(
            f"{PREFIX}_api_requests",
            "Requests to the API server, by verb, resource and the code of the response.",
            labels=["verb", "resource", "code"],
        )
        for (verb, resource, code), count in sorted(dict(self._answers).items()):
            family.add_metric([verb, resource, code], count)
        yield family
