"""`deployment`: what a rollout has come to, each outcome of a rollout once."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.engine.times import from_rfc3339
from tests.unit.triggers.watched_objects import AT, NOON, application, deployment, found

ALL = {"outcomes": ["Finished", "Failed", "Stalled"]}


def condition(kind: str, status: str, reason: str) -> dict[str, Any]:
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": f"{reason} happened",
        "lastUpdateTime": NOON,
        "lastTransitionTime": NOON,
    }


def test_a_complete_rollout_is_finished_when_its_condition_says() -> None:
    (event,) = found(deployment(), deployment={})
    assert event.at == AT
    data = {key: event.data[key] for key in ("outcome", "reason", "revision", "images", "labels")}
    assert data == {
        "outcome": "Finished",
        "reason": "NewReplicaSetAvailable",
        "revision": "2",
        "images": ["web:2"],
        "labels": {"app": "web"},
    }


@pytest.mark.parametrize(
    "status",
    [
        {"observedGeneration": 3},
        {"updatedReplicas": 1},
        {"availableReplicas": 1},
        {"replicas": 3},
        {"conditions": [], "availableReplicas": 0},
    ],
)
def test_a_rollout_that_goes_on_is_no_event(status: dict[str, Any]) -> None:
    assert found(deployment(**status), deployment=ALL) == []


def test_a_rollout_that_exceeds_its_deadline_has_failed() -> None:
    late = condition("Progressing", "False", "ProgressDeadlineExceeded")
    (event,) = found(deployment(availableReplicas=1, conditions=[late]), deployment={})
    assert (event.data["outcome"], event.data["reason"]) == ("Failed", "ProgressDeadlineExceeded")


def test_a_rollout_whose_pods_cannot_be_created_has_stalled() -> None:
    refused = condition("ReplicaFailure", "True", "FailedCreate")
    raw = deployment(availableReplicas=1, conditions=[refused])
    (event,) = found(raw, deployment=ALL)
    assert (event.data["outcome"], event.data["reason"]) == ("Stalled", "FailedCreate")
    assert found(raw, deployment={}) == [], "Stalled is not among the default outcomes"


def test_a_change_of_the_number_of_replicas_is_the_same_rollout() -> None:
    raw = deployment()
    (before,) = found(raw, deployment={})
    raw["metadata"]["generation"] = raw["status"]["observedGeneration"] = 5
    raw["spec"]["replicas"] = 3
    raw["status"] |= dict.fromkeys(("replicas", "updatedReplicas", "availableReplicas"), 3)
    (after,) = found(raw, deployment={})
    assert after.identity == before.identity
    raw["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = "3"
    (again,) = found(raw, deployment={})
    assert again.identity != before.identity


def test_only_those_of_a_name_or_with_labels() -> None:
    assert found(deployment(), deployment={"name": "web"})
    assert found(deployment(), deployment={"name": "api"}) == []
    assert found(deployment(), deployment={"labels": {"app": "web"}})
    assert found(deployment(), deployment={"labels": {"app": "web", "tier": "1"}}) == []


def test_a_deleted_deployment_is_no_event() -> None:
    assert found(deployment(), "DELETED", deployment={}) == []


@pytest.mark.parametrize(
    ("phase", "outcome"), [("Succeeded", "Finished"), ("Failed", "Failed"), ("Error", "Failed")]
)
def test_the_sync_of_an_application_is_a_rollout(phase: str, outcome: str) -> None:
    sync = {"phase": phase, "message": "m", "finishedAt": NOON, "syncResult": {"revision": "abc"}}
    (event,) = found(application(operationState=sync), deployment={"kind": "Application", **ALL})
    assert (event.data["outcome"], event.data["revision"], event.at) == (outcome, "abc", AT)
    assert event.data["images"] == ["shop:1"]


def test_a_running_sync_is_no_event_and_a_degraded_application_has_stalled() -> None:
    running = {"phase": "Running", "startedAt": NOON}
    degraded = {"status": "Degraded", "lastTransitionTime": "2026-01-31T12:01:00Z"}
    raw = application(operationState=running, health=degraded)
    (event,) = found(raw, deployment={"kind": "Application", **ALL})
    assert event.data["outcome"] == "Stalled"
    assert event.at == from_rfc3339("2026-01-31T12:01:00Z")


def test_a_rollout_that_an_action_began_continues_the_chain_of_its_execution() -> None:
    raw = deployment()
    key = "automation.itechsmart.dev/chain"
    raw["metadata"]["annotations"][key] = "2/u-root/2026-01-31T11:55:00Z"
    (event,) = found(raw, deployment={})
    assert (event.depth, event.root) == (3, "u-root")
    raw["metadata"]["annotations"][key] = "2/u-root/2026-01-31T09:55:00Z"
    (event,) = found(raw, deployment={})
    assert (event.depth, event.root) == (0, ""), "hours later it is somebody else's doing"
