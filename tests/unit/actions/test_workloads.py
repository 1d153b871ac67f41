"""When a rollout is done: the cases of kubectl's own rules."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.actions.kubernetes.workloads import rollout, selector

FAILED_PROGRESS = [{"type": "Progressing", "reason": "ProgressDeadlineExceeded"}]


def workload(spec: dict[str, Any], status: dict[str, Any], observed: int = 2) -> dict[str, Any]:
    return {
        "metadata": {"generation": 2},
        "spec": spec,
        "status": {"observedGeneration": observed, **status},
    }


@pytest.mark.parametrize(
    ("kind", "spec", "status", "words"),
    [
        ("Deployment", {"replicas": 3}, {"updatedReplicas": 1}, "1 of 3 replicas are updated"),
        (
            "Deployment",
            {"replicas": 1},
            {"updatedReplicas": 1, "replicas": 2},
            "1 old replicas are pending termination",
        ),
        (
            "Deployment",
            {"replicas": 2},
            {"updatedReplicas": 2, "replicas": 2, "availableReplicas": 1},
            "1 of 2 updated replicas are available",
        ),
        ("StatefulSet", {"replicas": 2}, {"readyReplicas": 1}, "1 of 2 pods are ready"),
        (
            "StatefulSet",
            {"replicas": 2},
            {"readyReplicas": 2, "updateRevision": "b", "currentRevision": "a"},
            "at the new revision",
        ),
        (
            "StatefulSet",
            {"replicas": 3, "updateStrategy": {"rollingUpdate": {"partition": 1}}},
            {"readyReplicas": 3, "updatedReplicas": 1},
            "1 of 2 pods of the partition",
        ),
        (
            "DaemonSet",
            {},
            {"desiredNumberScheduled": 2, "updatedNumberScheduled": 1},
            "1 of 2 pods are updated",
        ),
        (
            "DaemonSet",
            {},
            {"desiredNumberScheduled": 2, "updatedNumberScheduled": 2, "numberAvailable": 1},
            "1 of 2 updated pods are available",
        ),
    ],
)
def test_a_rollout_under_way_says_what_it_waits_for(
    kind: str, spec: dict[str, Any], status: dict[str, Any], words: str
) -> None:
    state = rollout(kind, workload(spec, status))
    assert words in state.message
    assert (state.done, state.failed) == (False, False)


@pytest.mark.parametrize(
    ("kind", "spec", "status"),
    [
        ("Deployment", {}, {"updatedReplicas": 1, "replicas": 1, "availableReplicas": 1}),
        ("Deployment", {"replicas": 0}, {}),
        (
            "StatefulSet",
            {"replicas": 1},
            {"readyReplicas": 1, "updateRevision": "a", "currentRevision": "a"},
        ),
        (
            "StatefulSet",
            {"replicas": 3, "updateStrategy": {"rollingUpdate": {"partition": 1}}},
            {"readyReplicas": 3, "updatedReplicas": 2},
        ),
        (
            "DaemonSet",
            {},
            {"desiredNumberScheduled": 1, "updatedNumberScheduled": 1, "numberAvailable": 1},
        ),
    ],
)
def test_a_finished_rollout_is_done(
    kind: str, spec: dict[str, Any], status: dict[str, Any]
) -> None:
    assert rollout(kind, workload(spec, status)).done
    assert "to be observed" in rollout(kind, workload(spec, status, observed=1)).message


@pytest.mark.parametrize(
    ("kind", "spec", "status"),
    [
        ("Deployment", {"replicas": 1}, {"conditions": FAILED_PROGRESS}),
        ("StatefulSet", {"updateStrategy": {"type": "OnDelete"}}, {}),
        ("DaemonSet", {"updateStrategy": {"type": "OnDelete"}}, {}),
    ],
)
def test_a_rollout_that_will_not_finish_has_failed(
    kind: str, spec: dict[str, Any], status: dict[str, Any]
) -> None:
    assert rollout(kind, workload(spec, status)).failed


def test_a_selector_is_written_as_a_list_request_takes_it() -> None:
    spec = {
        "selector": {
            "matchLabels": {"app": "web"},
            "matchExpressions": [
                {"key": "tier", "operator": "In", "values": ["a", "b"]},
                {"key": "old", "operator": "DoesNotExist"},
            ],
        }
    }
    assert selector(workload(spec, {})) == "app=web,tier in (a,b),!old"
