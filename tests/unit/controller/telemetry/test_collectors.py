"""What is read when Prometheus asks: executions and nodes that have not ended, queues, watches."""

from __future__ import annotations

import math
from typing import Any

import pytest

from orchestrator.controller.telemetry.operator_metrics import OperatorMetrics
from orchestrator.engine.times import to_rfc3339
from orchestrator.kube.cache import Cache
from orchestrator.kube.client import ApiError
from orchestrator.process.queue import WorkQueue
from tests.metrics import samples, sources

BEGAN = 1_767_225_600.0


def run(
    name: str,
    phase: str | None = "Running",
    reason: str = "Admitted",
    *,
    age: float = 0,
    **nodes: tuple[str, str],
) -> dict[str, Any]:
    """An execution and its nodes, by phase and reason, that began `age` seconds before BEGAN."""
    at = to_rfc3339(BEGAN - age)
    records = {
        node: {"phase": phase, "reason": reason, "startedAt": at}
        for node, (phase, reason) in nodes.items()
    }
    status = {"phase": phase, "reason": reason, "nodes": records} if phase else {}
    metadata = {
        "namespace": "shop", "name": name, "uid": name, "resourceVersion": "1",
        "creationTimestamp": at,
    }  # fmt: skip
    return {"metadata": metadata, "spec": {"workflow": "w"}, "status": status}


def read(**changed: Any) -> OperatorMetrics:
    metrics = OperatorMetrics()
    metrics.register(sources(**changed), "0.1.0")
    return metrics


def test_executions_are_counted_by_phase_and_reason_with_the_age_of_the_oldest() -> None:
    executions = [
        run("a", age=10),
        run("b", age=70),
        run("c", "Pending", "AdmissionRefused"),
        run("new", None),
    ]
    metrics = read(executions=executions)
    assert samples(metrics, "executions") == {
        ("shop", "Running", "Admitted"): 2,
        ("shop", "Pending", "AdmissionRefused"): 1,
        ("shop", "Pending", ""): 1,
    }
    oldest = samples(metrics, "oldest_execution_creation_timestamp_seconds")
    assert oldest["shop", "Running", "Admitted"] == BEGAN - 70


def test_nodes_that_wait_are_counted_by_what_they_wait_for() -> None:
    waiting, pending = ("Waiting", "AwaitingApproval"), ("Pending", "Unschedulable")
    executions = [
        run("a", age=30, ask=waiting, done=("Succeeded", "Completed")),
        run("b", age=90, ask=waiting, pod=pending),
    ]
    metrics = read(executions=executions)
    assert samples(metrics, "nodes") == {("shop", *waiting): 2, ("shop", *pending): 1}
    oldest = samples(metrics, "oldest_node_start_timestamp_seconds")
    assert oldest["shop", *waiting] == BEGAN - 90


def test_a_retried_node_is_as_old_as_its_latest_attempt() -> None:
    raw = run("a", age=90, pod=("Pending", "ImagePull"))
    raw["status"]["nodes"]["pod"]["attemptStartedAt"] = to_rfc3339(BEGAN - 5)
    oldest = samples(read(executions=[raw]), "oldest_node_start_timestamp_seconds")
    assert oldest == {("shop", "Pending", "ImagePull"): BEGAN - 5}


@pytest.mark.parametrize(
    "status",
    [
        {"phase": "Odd", "reason": "Whatever"},
        {"phase": ["Running"], "reason": {"a": 1}, "nodes": [1]},
        {"phase": "Pending", "nodes": {"a": "x", "b": {"phase": "Mine", "reason": "Mine"}}},
        {"phase": "Pending", "nodes": {"a": {"phase": "Waiting", "startedAt": "yesterday"}}},
    ],
)
def test_what_was_written_by_hand_makes_no_label(status: dict[str, Any]) -> None:
    raw = run("a") | {"status": status}
    metrics = read(executions=[raw])
    assert samples(metrics, "executions") == {("shop", "Pending", ""): 1}
    assert set(samples(metrics, "nodes")) <= {("shop", "Waiting", "")}
    assert samples(metrics, "oldest_node_start_timestamp_seconds") == {}


def test_a_later_scrape_counts_what_has_changed_and_ended() -> None:
    cache = Cache()
    cache.put(run("a", ask=("Waiting", "AwaitingApproval")))
    cache.put(run("b"))
    metrics = read(executions=cache)
    assert samples(metrics, "executions") == {("shop", "Running", "Admitted"): 2}
    changed = run("a", "Paused", "Paused")
    changed["metadata"]["resourceVersion"] = "2"
    cache.put(changed)
    cache.remove(("shop", "b"))
    assert samples(metrics, "executions") == {("shop", "Paused", "Paused"): 1}
    assert samples(metrics, "nodes") == {}


def test_a_replica_that_stands_by_counts_nothing_that_the_leader_counts() -> None:
    metrics = read(
        is_leader=lambda: False,
        executions=[run("a", ask=("Waiting", "AwaitingApproval"))],
        queues=[WorkQueue("execution")],
        quota_exceeded_triggers=lambda: ["shop"],
    )
    assert samples(metrics, "leader") == {(): 0}
    for name in ("executions", "nodes", "workqueue_depth", "triggers_quota_exceeded"):
        assert samples(metrics, name) == {}
    assert samples(metrics, "event_loop_lag_seconds") == {(): 0}


async def test_failed_passes_are_counted_by_the_reason_of_the_answer() -> None:
    queue: WorkQueue[str] = WorkQueue("execution")
    metrics = read(queues=[queue])
    assert samples(metrics, "reconcile_errors_total") == {("execution", "Unexpected"): 0}
    errors = iter(
        [
            ApiError(409, "Conflict", "changed"),
            ApiError(403, "it is Monday", "says a webhook of others"),
            KeyError("a fault"),
        ]
    )

    async def work(key: str) -> None:
        if (error := next(errors, None)) is not None:
            raise error
        raise SystemExit(key)

    for key in ("a", "b", "c", "d"):
        queue.add(key)
    with pytest.raises(SystemExit):
        await queue._worker(work)
    assert samples(metrics, "reconcile_errors_total") == {
        ("execution", "Conflict"): 1,
        ("execution", "Other"): 1,
        ("execution", "Unexpected"): 1,
    }


def test_a_watch_reports_its_silence_and_failures() -> None:
    class Silent:
        name, failures, silence = "jobs", 3, math.inf

    metrics = read(watches=[Silent()])
    assert samples(metrics, "watch_failures_total") == {("jobs",): 3}
    assert samples(metrics, "watch_silence_seconds") == {("jobs",): math.inf}


def test_triggers_that_a_quota_holds_are_counted_by_namespace() -> None:
    metrics = read(quota_exceeded_triggers=lambda: ["shop", "ops", "shop"])
    assert samples(metrics, "triggers_quota_exceeded") == {("shop",): 2, ("ops",): 1}
