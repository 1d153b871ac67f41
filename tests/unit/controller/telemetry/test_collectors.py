"""What is read when Prometheus asks: executions and nodes that have not ended, queues, watches."""

from __future__ import annotations

import math
from typing import Any

import pytest

from orchestrator.controller.queue import WorkQueue
from orchestrator.controller.telemetry.figures import Figures
from orchestrator.engine.times import to_rfc3339
from orchestrator.kube.cache import Cache
from orchestrator.kube.client import ApiError
from tests.figures import samples, sources

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


def read(**changed: Any) -> Figures:
    figures = Figures()
    figures.read(sources(**changed), "0.1.0")
    return figures


def test_executions_are_counted_by_phase_and_reason_with_the_age_of_the_oldest() -> None:
    executions = [
        run("a", age=10),
        run("b", age=70),
        run("c", "Pending", "AdmissionRefused"),
        run("new", None),
    ]
    figures = read(executions=executions)
    assert samples(figures, "executions") == {
        ("shop", "Running", "Admitted"): 2,
        ("shop", "Pending", "AdmissionRefused"): 1,
        ("shop", "Pending", ""): 1,
    }
    oldest = samples(figures, "oldest_execution_creation_timestamp_seconds")
    assert oldest["shop", "Running", "Admitted"] == BEGAN - 70


def test_nodes_that_wait_are_counted_by_what_they_wait_for() -> None:
    waiting, pending = ("Waiting", "AwaitingApproval"), ("Pending", "Unschedulable")
    executions = [
        run("a", age=30, ask=waiting, done=("Succeeded", "Completed")),
        run("b", age=90, ask=waiting, pod=pending),
    ]
    figures = read(executions=executions)
    assert samples(figures, "nodes") == {("shop", *waiting): 2, ("shop", *pending): 1}
    oldest = samples(figures, "oldest_node_start_timestamp_seconds")
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
    figures = read(executions=[raw])
    assert samples(figures, "executions") == {("shop", "Pending", ""): 1}
    assert set(samples(figures, "nodes")) <= {("shop", "Waiting", "")}
    assert samples(figures, "oldest_node_start_timestamp_seconds") == {}


def test_a_later_scrape_counts_what_has_changed_and_ended() -> None:
    cache = Cache()
    cache.put(run("a", ask=("Waiting", "AwaitingApproval")))
    cache.put(run("b"))
    figures = read(executions=cache)
    assert samples(figures, "executions") == {("shop", "Running", "Admitted"): 2}
    changed = run("a", "Paused", "Paused")
    changed["metadata"]["resourceVersion"] = "2"
    cache.put(changed)
    cache.remove(("shop", "b"))
    assert samples(figures, "executions") == {("shop", "Paused", "Paused"): 1}
    assert samples(figures, "nodes") == {}


def test_a_replica_that_stands_by_counts_nothing_that_the_leader_counts() -> None:
    figures = read(
        leads=lambda: False,
        executions=[run("a", ask=("Waiting", "AwaitingApproval"))],
        queues=[WorkQueue("execution")],
        held_triggers=lambda: ["shop"],
    )
    assert samples(figures, "leader") == {(): 0}
    for name in ("executions", "nodes", "workqueue_depth", "triggers_quota_exceeded"):
        assert samples(figures, name) == {}
    assert samples(figures, "event_loop_lag_seconds") == {(): 0}


async def test_failed_passes_are_counted_by_the_reason_of_the_answer() -> None:
    queue: WorkQueue[str] = WorkQueue("execution")
    figures = read(queues=[queue])
    assert samples(figures, "reconcile_errors_total") == {("execution", "Unexpected"): 0}
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
    assert samples(figures, "reconcile_errors_total") == {
        ("execution", "Conflict"): 1,
        ("execution", "Other"): 1,
        ("execution", "Unexpected"): 1,
    }


def test_a_watch_reports_its_silence_and_failures() -> None:
    class Silent:
        name, failures, silence = "jobs", 3, math.inf

    figures = read(watches=[Silent()])
    assert samples(figures, "watch_failures_total") == {("jobs",): 3}
    assert samples(figures, "watch_silence_seconds") == {("jobs",): math.inf}


def test_triggers_that_a_quota_holds_are_counted_by_namespace() -> None:
    figures = read(held_triggers=lambda: ["shop", "ops", "shop"])
    assert samples(figures, "triggers_quota_exceeded") == {("shop",): 2, ("ops",): 1}
