"""Killing the operator, and running two: one Job an attempt, by the API server's own record."""

from __future__ import annotations

import random
from dataclasses import asdict
from pathlib import Path

from dev.cluster.api import Cluster
from tests.cluster.faults import OperatorWrites, keep_figures
from tests.cluster.twelve_node_workflow import check_all, start_executions
from tests.kube import Kubectl, Operator

WRITES = 15
"""Of the writes that the operator makes for an execution (ten Jobs, and statuses in company), the
last at which it is killed: the rest are made when it is left in peace."""


def moments(kills: int, executions: int) -> list[int]:
    """When the operator is killed: after so many of its writes."""
    return sorted(random.Random(kills).sample(range(1, executions * WRITES), kills))


def test_forty_kills_during_two_hundred_executions_make_nothing_twice_and_lose_nothing(
    kubectl: Kubectl, account: Path, api_cluster: Cluster, tmp_path: Path
) -> None:
    writes = OperatorWrites(api_cluster, kubectl.namespace)
    operator = Operator(account, tmp_path / "log", "--namespace", kubectl.namespace)
    # Staged, so that kills fall between a container's end and its pod's, too.
    start_executions(kubectl, 200, staged=True)
    for moment in moments(40, 200):
        operator.start()
        writes.wait_for(moment)
        operator.kill()
    assert any("finishedAt" not in raw.get("status", {}) for raw in kubectl.get("awfx")["items"])
    operator.start()
    try:
        made = check_all(kubectl, api_cluster, 200)
    finally:
        operator.stop()
    keep_figures("kill", executions=200, kills=40, **asdict(made))


def test_two_operators_at_once_and_now_and_then_one_do_no_harm(
    kubectl: Kubectl, account: Path, api_cluster: Cluster, tmp_path: Path
) -> None:
    writes = OperatorWrites(api_cluster, kubectl.namespace)
    both = [
        Operator(account, tmp_path / f"log-{number}", "--namespace", kubectl.namespace)
        for number in range(2)
    ]
    for operator in both:
        operator.start()
    try:
        start_executions(kubectl, 50)
        for number, moment in enumerate(moments(10, 50)):
            writes.wait_for(moment)
            both[number % 2].kill()
            both[number % 2].start()
        made = check_all(kubectl, api_cluster, 50)
    finally:
        for operator in both:
            operator.stop()
    keep_figures("two-operators", executions=50, kills=10, **asdict(made))
