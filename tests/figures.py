"""What the operator's metrics are read from, for tests that change a part of it."""

from __future__ import annotations

from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from orchestrator.controller.telemetry.collectors import PREFIX, Sources
from orchestrator.controller.telemetry.figures import Figures


def sources(**changed: Any) -> Sources:
    """Those of a leader on which nothing happens."""
    quiet: dict[str, Any] = {
        "leads": lambda: True,
        "answers": {},
        "queues": [],
        "watches": [],
        "executions": [],
        "held_triggers": list,
        "lease_failures": lambda: 0,
        "dropped_events": lambda: 0,
        "silence": lambda: 0.0,
    }
    return Sources(**{**quiet, **changed})


def samples(figures: Figures, name: str) -> dict[tuple[str, ...], float]:
    """The samples of a metric, as Prometheus reads them, by the values of their labels.

    The labels are in the order of their names.
    """
    families = text_string_to_metric_families(figures.text().decode())
    return {
        tuple(value for _, value in sorted(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
        if sample.name == f"{PREFIX}_{name}"
    }
