"""The page of metrics, made from what the operator's registry exposes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from dev.reference.markdown import code, page, sentence, table
from orchestrator.api.metrics import ApiMetrics
from orchestrator.controller.telemetry.collectors import MetricSources
from orchestrator.controller.telemetry.operator_metrics import OperatorMetrics
from orchestrator.history.logs.log_metrics import LogMetrics
from orchestrator.history.metrics import HistoryMetrics
from orchestrator.receiver.metrics import ReceiverMetrics, TriggerLabels


def metrics() -> str:
    """Every metric with its type, labels and meaning."""
    return page(
        "Metrics",
        "The operator serves them at `/metrics` of its `--health-address`, in the text format of "
        "Prometheus. No label carries the name of an execution or a node. What is in queues and "
        "what has not ended is reported by the leader only, so a sum over all replicas counts it "
        "once. [Alerts](alerts.md) has the alerts, the dashboard and how Prometheus finds the "
        "operator: it must keep the label `namespace` of a metric (`honor_labels: true`).",
        table(("Name", "Type", "Labels", "Meaning"), _rows(described())),
        "The [receiver](receiver.md) serves its own, in the same way:",
        table(("Name", "Type", "Labels", "Meaning"), _rows(described_of_receiver())),
        "The recorder of the [history](../explanation/history.md) adds these to the metrics of its "
        "process. Of several replicas one records; of the others, `history_database_up` is 1, and "
        "what counts or waits is 0:",
        table(("Name", "Type", "Labels", "Meaning"), _rows(described_of_history())),
        "The [REST API](api.md) serves these. Its routes are labelled by their templates, never by "
        "the paths of requests:",
        table(("Name", "Type", "Labels", "Meaning"), _rows(described_of_api())),
        "A histogram consists of `_bucket`, `_sum` and `_count`. The metrics of a single Workflow "
        "are in its [`status.metrics`](resources/workflow.md#statusmetrics).",
    )


_Described = tuple[str, str, tuple[str, ...], str]
"""Name, type, labels and help of a metric."""


def _rows(metrics: list[_Described]) -> list[tuple[str, ...]]:
    return [
        (code(name), kind, ", ".join(map(code, labels)), sentence(words))
        for name, kind, labels, words in metrics
    ]


def described() -> list[_Described]:
    """The metrics of the operator."""
    return _exposed(_with_a_sample_of_each().text())


def described_of_receiver() -> list[_Described]:
    """The metrics of the receiver."""
    metrics = ReceiverMetrics("0.1.0")
    labels = TriggerLabels("shop", "orders", "webhook")
    metrics.answered(labels, 202, 0.0)
    metrics.delivered(labels, "started")
    metrics.not_stored(labels)
    metrics.active(1)
    metrics.listening({labels: True})
    metrics.requested("create", 0.0)
    return _exposed(metrics.text())


def described_of_history() -> list[_Described]:
    """The metrics of the recorder of the history."""
    registry = CollectorRegistry()
    HistoryMetrics(registry)
    LogMetrics(registry)
    return _exposed(generate_latest(registry))


def described_of_api() -> list[_Described]:
    """The metrics of the REST API."""
    registry = CollectorRegistry()
    metrics = ApiMetrics(registry, "0.1.0")
    metrics.answered("GET", "/automation/executions/{id}", 200)
    metrics.took("GET", "/automation/executions/{id}", 0.0)
    return _exposed(generate_latest(registry))


def everything() -> list[_Described]:
    """The metrics of all."""
    return [
        *described(),
        *described_of_receiver(),
        *described_of_history(),
        *described_of_api(),
    ]


def _exposed(exposition: bytes) -> list[_Described]:
    text = exposition.decode()
    found = []
    for family in text_string_to_metric_families(text):
        if family.name.endswith("_created"):
            continue
        if not family.samples:
            raise ValueError(f"{family.name} has no sample: record one in {__file__}")
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        name = f"{family.name}_total" if family.type == "counter" else family.name
        found.append((name, family.type, tuple(sorted(labels)), family.documentation))
    return sorted(found)


@dataclass(frozen=True)
class _Sample:
    """A queue and a watch in one, for the sake of their labels."""

    name: str = "execution"
    silence: float = 0.0
    longest_wait: float = 0.0
    longest_running: float = 0.0

    def __len__(self) -> int:
        return 0


class _SampleQueue(_Sample):
    failures: Mapping[str, int] = MappingProxyType({"Conflict": 1})


class _SampleWatch(_Sample):
    failures: int = 0


_EXECUTION = {
    "metadata": {
        "namespace": "shop",
        "uid": "1",
        "resourceVersion": "1",
        "creationTimestamp": "2026-01-01T00:00:00Z",
    },
    "status": {
        "phase": "Running",
        "reason": "Admitted",
        "nodes": {"a": {"phase": "Waiting", "startedAt": "2026-01-01T00:00:00Z"}},
    },
}


def _with_a_sample_of_each() -> OperatorMetrics:
    metrics = OperatorMetrics()
    sources = MetricSources(
        is_leader=lambda: True,
        responses={("get", "jobs", "200"): 1},
        queues=[_SampleQueue()],
        watches=[_SampleWatch()],
        executions=[_EXECUTION],
        quota_exceeded_triggers=lambda: ["shop"],
        lease_failures=lambda: 0,
        dropped_events=lambda: 0,
        event_loop_lag=lambda: 0.0,
    )
    metrics.register(sources, "0.1.0")
    metrics.key_waited("execution", 0.0)
    metrics.request_finished("get", 0.0)
    metrics.event_delivered("shop", "nightly", "started")
    metrics.certificate_served(lambda: 0.0)
    metrics.node_ended("action", "Succeeded")
    metrics.execution_ended("shop", "deploy", "Succeeded", 1.0)
    return metrics
