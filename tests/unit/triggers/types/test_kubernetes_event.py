"""`kubernetesEvent`: a report about an object, once in a window."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.triggers.limits import CreatedExecution, Listed
from orchestrator.triggers.plan import (
    Outcome,
    PlannedExecution,
    apply_limits,
    plan,
)
from orchestrator.triggers.readiness import judge_trigger
from orchestrator.triggers.registry import REGISTRY
from tests.unit.triggers.watched_objects import AT, found, metadata, read, report

BACK_OFF: dict[str, Any] = {"reasons": ["BackOff"]}


@pytest.mark.parametrize(
    ("settings", "found_it"),
    [
        ({}, True),
        ({"types": ["Warning"]}, True),
        ({"types": ["Normal"]}, False),
        ({"kinds": ["Pod"]}, True),
        ({"kinds": ["Node"]}, False),
        ({"names": ["web-1"]}, True),
        ({"names": ["web"]}, False),
        ({"reasons": ["FailedScheduling"]}, False),
    ],
)
def test_only_the_reports_that_it_asks_for(settings: dict[str, Any], *, found_it: bool) -> None:
    assert bool(found(report(), kubernetesEvent=BACK_OFF | settings)) is found_it


def test_an_expired_report_is_no_event() -> None:
    assert found(report(), "DELETED", kubernetesEvent=BACK_OFF) == []


def test_a_series_is_read_as_such() -> None:
    raw = report(
        series={"count": 7, "lastObservedTime": "2026-01-31T12:00:30.000001Z"},
        eventTime="2026-01-31T11:58:00.000001Z",
        firstTimestamp=None,
        lastTimestamp=None,
        count=None,
        reportingComponent="scheduler",
    )
    (event,) = found(raw, kubernetesEvent=BACK_OFF)
    data = {key: event.data[key] for key in ("count", "firstSeen", "lastSeen", "source")}
    assert data == {
        "count": 7,
        "firstSeen": "2026-01-31T11:58:00.000Z",
        "lastSeen": "2026-01-31T12:00:30.000Z",
        "source": "scheduler",
    }


@pytest.mark.parametrize(
    "involved",
    [
        {"apiVersion": "automation.itechsmart.dev/v1alpha1", "kind": "WorkflowExecution"},
        {"kind": "Job", "name": "deploy-check-abcdefghijklmnopqrstuvwxyz"},
        {"kind": "Pod", "name": "deploy-check-abcdefghijklmnopqrstuvwxyz-x7k2p"},
        {"kind": "Pod", "name": "deploy-check-abcdefghijklmnopqrstuvwxyz-12-x7k2p"},
    ],
)
def test_reports_about_executions_their_jobs_and_pods_are_no_events(
    involved: dict[str, str],
) -> None:
    raw = report(involvedObject={"namespace": "ns", "uid": "u", "name": "x", **involved})
    assert found(raw, kubernetesEvent=BACK_OFF) == []


def test_the_same_reason_of_the_same_object_starts_one_execution_in_a_window() -> None:
    """Even if the message differs, and so the report is another object."""
    trigger, _ = read(kubernetesEvent={**BACK_OFF, "window": "10m"})

    def outcome(at: float, made: list[CreatedExecution], **fields: Any) -> Any:
        (event,) = found(report(**fields), kubernetesEvent={**BACK_OFF, "window": "10m"})
        event = type(event)(**{name: getattr(event, name) for name in event.__slots__} | {"at": at})
        planned = plan(metadata("t"), trigger.spec, event)
        assert isinstance(planned, PlannedExecution)
        return apply_limits(planned, trigger.spec, event, Listed(made), at)

    first = outcome(AT, [])
    assert isinstance(first, PlannedExecution)
    made = [CreatedExecution(AT + 1, first.labels)]
    other = {"metadata": metadata("web-1.17b"), "message": "another container"}
    assert outcome(AT + 300, made, **other) is Outcome.DEDUPLICATED
    assert isinstance(outcome(AT + 602, made, **other), PlannedExecution)
    elsewhere = {"involvedObject": {"kind": "Pod", "name": "web-2", "uid": "u-web-2"}}
    assert isinstance(
        outcome(AT + 2, made, metadata=metadata("web-2.17a"), **elsewhere), PlannedExecution
    )


@pytest.mark.parametrize("window", ["0s", "25h"])
def test_a_window_is_positive_and_at_most_a_day(window: str) -> None:
    spec = {"workflow": "w", "kubernetesEvent": {**BACK_OFF, "window": window}}
    assert "spec.kubernetesEvent.window" in judge_trigger(REGISTRY, spec, {}).message
