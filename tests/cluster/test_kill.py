"""Killing the operator, and running two: one Job an attempt, by the API server's own record."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

from dev.cluster.api import Cluster
from tests.cluster.twelve import JOBS, PHASES, TASK, TWELVE, jobs_created
from tests.kube import Kubectl, Operator, eventually, execution, phases

EXECUTIONS = 50
KILLS = 20


def test_twenty_kills_during_fifty_executions_make_nothing_twice_and_lose_nothing(
    kubectl: Kubectl, kubeconfig: Path, api_cluster: Cluster, tmp_path: Path
) -> None:
    kubectl.apply(TASK, TWELVE)
    operator = Operator(kubeconfig, tmp_path / "log", "--namespace", kubectl.namespace)
    moments = random.Random(20)
    names = [f"run-{number}" for number in range(EXECUTIONS)]
    for kill in range(KILLS):
        operator.start()
        for name in names[kill::KILLS]:
            kubectl.create(execution("twelve", name))
        time.sleep(moments.uniform(1.0, 3.0))  # the fault's moment, not a wait for anything
        operator.kill()
    operator.start()
    try:
        _check_all(kubectl, api_cluster, EXECUTIONS)
    finally:
        operator.stop()


def test_two_operators_at_once_do_no_harm(
    kubectl: Kubectl, kubeconfig: Path, api_cluster: Cluster, tmp_path: Path
) -> None:
    kubectl.apply(TASK, TWELVE)
    both = [
        Operator(kubeconfig, tmp_path / f"log-{number}", "--namespace", kubectl.namespace)
        for number in range(2)
    ]
    for operator in both:
        operator.start()
    try:
        for number in range(20):
            kubectl.create(execution("twelve", f"run-{number}"))
        _check_all(kubectl, api_cluster, 20)
    finally:
        for operator in both:
            operator.stop()


def _check_all(kubectl: Kubectl, cluster: Cluster, count: int) -> None:
    def finished() -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = kubectl.get("awfx")["items"]
        open_ones = [raw for raw in items if "finishedAt" not in raw.get("status", {})]
        assert not open_ones, f"{len(open_ones)} of {len(items)} have not ended"
        return items

    items = eventually(finished, 180)
    assert len(items) == count
    for raw in items:
        assert raw["status"]["phase"] == "Succeeded", raw["status"]
        assert phases(raw) == PHASES
        assert raw["status"]["outputs"] == {"total": 16}
    created = jobs_created(cluster.audit_log, kubectl.namespace)
    assert {name: times for name, times in created.items() if times != 1} == {}
    assert len(created) == count * JOBS
