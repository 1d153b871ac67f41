"""The page of metrics, made from what the operator's registry exposes."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from dev.reference.markdown import code, page, sentence, table
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
        "Prometheus. No label carries the name of an execution or a node.",
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


def _with_a_sample_of_each() -> Figures:
    figures = Figures()
    figures.watch(lambda: 0.0, lambda: 1.0, {("get", "jobs", "200"): 1})
    figures.node_ended("action", "Succeeded")
    figures.execution_ended("default", "flow", "Succeeded")
    return figures
