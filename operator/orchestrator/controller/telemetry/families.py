"""Builds the metric families that the collectors return."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

PREFIX = "itechsmart_workflow"
"""Prefix of every metric's name, followed by an underscore."""

Labels = tuple[str, ...]


def gauge(name: str, description: str, value: float) -> Metric:
    """A gauge without labels."""
    return gauges(name, description, (), {(): value})


def gauges(
    name: str, description: str, labels: Labels, values: Mapping[Labels, float]
) -> GaugeMetricFamily:
    """A gauge for each combination of label values."""
    family = GaugeMetricFamily(f"{PREFIX}_{name}", description, labels=labels)
    for key, value in sorted(values.items()):
        family.add_metric(key, value)
    return family


def counter(
    name: str, description: str, labels: Labels, values: Mapping[Any, float]
) -> CounterMetricFamily:
    """A counter for each combination of label values; `_total` is appended to the name."""
    family = CounterMetricFamily(f"{PREFIX}_{name}", description, labels=labels)
    for key, value in sorted(values.items()):
        family.add_metric(key, value)
    return family
