"""The series of the figures: as many as there are workflows."""

from __future__ import annotations

from orchestrator.controller.telemetry.figures import Figures


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
