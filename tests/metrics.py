"""Builders of the sources of the operator's metrics, and access to samples."""

from __future__ import annotations

from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from orchestrator.controller.telemetry.collectors import MetricSources
from orchestrator.controller.telemetry.families import PREFIX
from orchestrator.controller.telemetry.operator_metrics import OperatorMetrics


def sources(**changed: Any) -> MetricSources:
    """Those of a leader on which nothing happens."""
    quiet: dict[str, Any] = {
        "is_leader": lambda: True,
        "responses": {},
        "queues": [],
        "watches": [],
        "executions": [],
        "quota_exceeded_triggers": list,
        "lease_failures": lambda: 0,
        "dropped_events": lambda: 0,
        "event_loop_lag": lambda: 0.0,
    }
    return MetricSources(**{**quiet, **changed})


def samples(metrics: OperatorMetrics, name: str) -> dict[tuple[str, ...], float]:
    """The samples of a metric, as Prometheus reads them, by the values of their labels.

    The labels are in the order of their names.
    """
    families = text_string_to_metric_families(metrics.text().decode())
    return {
        tuple(value for _, value in sorted(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
        if sample.name == f"{PREFIX}_{name}"
    }
