"""The series of the figures: as many as there are workflows."""

from __future__ import annotations

import math

from orchestrator.controller.telemetry.figures import Figures
from tests.figures import samples


def test_the_series_of_a_workflow_end_with_it() -> None:
    figures = Figures()
    for phase in ("Succeeded", "Failed"):
        figures.execution_ended("shop", "deploy", phase)
    figures.execution_ended("shop", "other", "Succeeded")
    figures.execution_ended("store", "deploy", "Succeeded")
    figures.forget_workflow("shop", "deploy")
    figures.forget_workflow("shop", "never-ran")
    kept = [line for line in figures.text().decode().splitlines() if 'phase="' in line]
    assert [('"shop"' in line, '"deploy"' in line) for line in kept if "_total{" in line] == [
        (True, False),
        (False, True),
    ]


def test_durations_are_counted_of_executions_that_were_admitted() -> None:
    figures = Figures()
    figures.execution_ended("shop", "deploy", "Succeeded", 42.0)
    figures.execution_ended("shop", "deploy", "Failed")
    assert samples(figures, "execution_duration_seconds_count") == {("shop", "deploy"): 1}
    assert samples(figures, "execution_duration_seconds_sum") == {("shop", "deploy"): 42}
    figures.forget_workflow("shop", "deploy")
    assert samples(figures, "execution_duration_seconds_count") == {}


def test_the_series_of_a_trigger_begin_with_zero_and_end_with_it() -> None:
    figures = Figures()
    figures.trigger_seen("shop", "nightly")
    assert samples(figures, "trigger_events_total")["shop", "failed", "nightly"] == 0
    figures.event_delivered("shop", "nightly", "failed")
    assert samples(figures, "trigger_events_total")["shop", "failed", "nightly"] == 1
    figures.forget_trigger("shop", "nightly")
    assert samples(figures, "trigger_events_total") == {}


def test_a_certificate_is_reported_once_the_webhook_is_served() -> None:
    name = "webhook_certificate_expiry_timestamp_seconds"
    figures = Figures()
    assert samples(figures, name) == {}
    expiry: list[float | None] = [100.0]
    figures.certificate_served(lambda: expiry[0])
    assert samples(figures, name) == {(): 100}
    expiry[0] = 200.0  # renewed
    figures.certificate_served(lambda: expiry[0])
    assert samples(figures, name) == {(): 200}
    expiry[0] = None
    assert math.isnan(samples(figures, name)[()])
