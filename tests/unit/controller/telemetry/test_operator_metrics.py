"""The series of a Workflow and of a Trigger begin and end with it."""

from __future__ import annotations

import math

from orchestrator.controller.telemetry.operator_metrics import OperatorMetrics
from tests.metrics import samples


def test_the_series_of_a_workflow_end_with_it() -> None:
    metrics = OperatorMetrics()
    for phase in ("Succeeded", "Failed"):
        metrics.execution_ended("shop", "deploy", phase)
    metrics.execution_ended("shop", "other", "Succeeded")
    metrics.execution_ended("store", "deploy", "Succeeded")
    metrics.forget_workflow("shop", "deploy")
    metrics.forget_workflow("shop", "never-ran")
    kept = [line for line in metrics.text().decode().splitlines() if 'phase="' in line]
    assert [('"shop"' in line, '"deploy"' in line) for line in kept if "_total{" in line] == [
        (True, False),
        (False, True),
    ]


def test_durations_are_counted_of_executions_that_were_admitted() -> None:
    metrics = OperatorMetrics()
    metrics.execution_ended("shop", "deploy", "Succeeded", 42.0)
    metrics.execution_ended("shop", "deploy", "Failed")
    assert samples(metrics, "execution_duration_seconds_count") == {("shop", "deploy"): 1}
    assert samples(metrics, "execution_duration_seconds_sum") == {("shop", "deploy"): 42}
    metrics.forget_workflow("shop", "deploy")
    assert samples(metrics, "execution_duration_seconds_count") == {}


def test_the_series_of_a_workflow_begin_at_zero_and_go_with_it() -> None:
    metrics = OperatorMetrics()
    metrics.workflow_seen("shop", "deploy")
    assert samples(metrics, "executions_finished_total") == {
        ("shop", phase, "deploy"): 0 for phase in ("Succeeded", "Failed", "TimedOut", "Cancelled")
    }
    metrics.forget_workflow("shop", "deploy")
    assert samples(metrics, "executions_finished_total") == {}


def test_the_series_of_a_trigger_begin_with_zero_and_end_with_it() -> None:
    metrics = OperatorMetrics()
    metrics.trigger_seen("shop", "nightly")
    assert samples(metrics, "trigger_events_total")["shop", "failed", "nightly"] == 0
    metrics.event_delivered("shop", "nightly", "failed")
    assert samples(metrics, "trigger_events_total")["shop", "failed", "nightly"] == 1
    metrics.forget_trigger("shop", "nightly")
    assert samples(metrics, "trigger_events_total") == {}


def test_a_certificate_is_reported_once_the_webhook_is_served() -> None:
    name = "webhook_certificate_expiry_timestamp_seconds"
    metrics = OperatorMetrics()
    assert samples(metrics, name) == {}
    expiry: list[float | None] = [100.0]
    metrics.certificate_served(lambda: expiry[0])
    assert samples(metrics, name) == {(): 100}
    expiry[0] = 200.0  # renewed
    metrics.certificate_served(lambda: expiry[0])
    assert samples(metrics, name) == {(): 200}
    expiry[0] = None
    assert math.isnan(samples(metrics, name)[()])
