"""The page of metrics, made from what the operator's registry exposes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from prometheus_client.parser import text_string_to_metric_families

from dev.reference.markdown import code, page, sentence, table
from orchestrator.controller.telemetry.collectors import Sources
from orchestrator.controller.telemetry.figures import Figures


def metrics() -> str:
    """Every metric with its type, labels and meaning."""
    rows = [
        (code(name), kind, ", ".join(map(code, labels)), sentence(words))
        for name, kind, labels, words in described()
    ]
    return page(
        "Metrics",
        "The operator serves them at `/metrics` of its `--health-address`, in the text format of "
        "Prometheus. No label carries the name of an execution or a node. What is in queues and "
        "what has not ended is reported by the leader only, so a sum over all replicas counts it "
        "once. [Alerts](alerts.md) has the alerts, the dashboard and how Prometheus finds the "
        "operator: it must keep the label `namespace` of a metric (`honor_labels: true`).",
        table(("Name", "Type", "Labels", "Meaning"), rows),
        "A histogram consists of `_bucket`, `_sum` and `_count`. The figures of a single Workflow "
        "are in its [`status.metrics`](resources/workflow.md#statusmetrics).",
    )


def described() -> list[tuple[str, str, tuple[str, ...], str]]:
    """Name, type, labels and help of each metric."""
    text = _with_a_sample_of_each().text().decode()
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


def _with_a_sample_of_each() -> Figures:
    figures = Figures()
    sources = Sources(
        leads=lambda: True,
        answers={("get", "jobs", "200"): 1},
        queues=[_SampleQueue()],
        watches=[_SampleWatch()],
        executions=[_EXECUTION],
        held_triggers=lambda: ["shop"],
        lease_failures=lambda: 0,
        dropped_events=lambda: 0,
        silence=lambda: 0.0,
    )
    figures.read(sources, "0.1.0")
    figures.waited("execution", 0.0)
    figures.requested("get", 0.0)
    figures.event_delivered("shop", "nightly", "started")
    figures.certificate_served(lambda: 0.0)
    figures.node_ended("action", "Succeeded")
    figures.execution_ended("shop", "deploy", "Succeeded", 1.0)
    return figures
