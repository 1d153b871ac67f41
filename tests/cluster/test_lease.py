"""Two operators on a real API server: one works, the other takes over, and no Job is made twice."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dev.cluster.api import Cluster
from tests.cluster.twelve_node_workflow import check_all, start_executions
from tests.kube import Kubectl, Operator, eventually
from tests.service_accounts import NAMESPACE

LEASE = f"--lease={NAMESPACE}/itechsmart-workflow-operator"


@pytest.fixture
def operators(account: Path, kubeconfig: Path, tmp_path: Path) -> Iterator[list[Operator]]:
    """Two of them; the first holds the lease."""
    Kubectl(kubeconfig, NAMESPACE)("delete", "lease", "--all")
    both = [Operator(account, tmp_path / f"log-{number}", LEASE) for number in range(2)]
    both[0].start()
    eventually(lambda: "holding lease" in both[0].log.read_text())
    both[1].start()
    eventually(lambda: "standing by" in both[1].log.read_text())
    yield both
    for operator in both:
        operator.stop()


def run_across(kubectl: Kubectl, cluster: Cluster, operators: list[Operator], change: Any) -> float:
    """Executions during which the holder changes; the seconds until the second holds the lease."""
    start_executions(kubectl, 6)
    eventually(lambda: kubectl.get("jobs")["items"])
    began = time.monotonic()
    change(operators[0])
    eventually(lambda: "holding lease" in operators[1].log.read_text())
    took = time.monotonic() - began
    check_all(kubectl, cluster, 6)
    return took


def test_a_killed_holder_is_followed_when_its_time_is_over(
    kubectl: Kubectl, api_cluster: Cluster, operators: list[Operator]
) -> None:
    run_across(kubectl, api_cluster, operators, Operator.kill)


def test_a_stopped_holder_gives_the_lease_back(
    kubectl: Kubectl, api_cluster: Cluster, operators: list[Operator]
) -> None:
    run_across(kubectl, api_cluster, operators, Operator.stop)


def test_a_holder_that_wakes_up_late_ends_and_harms_nothing(
    kubectl: Kubectl, api_cluster: Cluster, operators: list[Operator]
) -> None:
    def freeze(operator: Operator) -> None:
        os.kill(operator.pid, signal.SIGSTOP)

    run_across(kubectl, api_cluster, operators, freeze)
    os.kill(operators[0].pid, signal.SIGCONT)
    eventually(lambda: "another operator took the lease" in operators[0].log.read_text()
               or "not renewed in time" in operators[0].log.read_text())  # fmt: skip
