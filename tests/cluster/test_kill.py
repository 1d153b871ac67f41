"""Killing the operator, and running two: one Job an attempt, by the API server's own record."""

from __future__ import annotations

import random
from functools import partial
from pathlib import Path

from dev.cluster.api import Cluster
from dev.cluster.audit import AuditLog
from tests.cluster.twelve import check_all, start_executions
from tests.kube import Kubectl, Operator, eventually

EXECUTIONS = 50
KILLS = 20
WRITES = 900
"""Of the about 1,200 writes that the operator makes for them, the last at which it is killed."""
AGENT = "itechsmart-workflow"


def test_twenty_kills_during_fifty_executions_make_nothing_twice_and_lose_nothing(
    kubectl: Kubectl, account: Path, api_cluster: Cluster, tmp_path: Path
) -> None:
    writes = OperatorWrites(api_cluster, kubectl.namespace)
    operator = Operator(account, tmp_path / "log", "--namespace", kubectl.namespace)
    start_executions(kubectl, EXECUTIONS)
    for moment in sorted(random.Random(20).sample(range(1, WRITES), KILLS)):
        operator.start()
        eventually(partial(writes.reach, moment), pause=0.005)
        operator.kill()
    assert any("finishedAt" not in raw.get("status", {}) for raw in kubectl.get("awfx")["items"])
    operator.start()
    try:
        check_all(kubectl, api_cluster, EXECUTIONS)
    finally:
        operator.stop()


def test_two_operators_at_once_do_no_harm(
    kubectl: Kubectl, account: Path, api_cluster: Cluster, tmp_path: Path
) -> None:
    both = [
        Operator(account, tmp_path / f"log-{number}", "--namespace", kubectl.namespace)
        for number in range(2)
    ]
    for operator in both:
        operator.start()
    try:
        start_executions(kubectl, 20)
        check_all(kubectl, api_cluster, 20)
    finally:
        for operator in both:
            operator.stop()


class OperatorWrites:
    """How often the operator wrote to the cluster since this was made."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._log = AuditLog(cluster.audit_log, from_now=True)
        self._namespace = namespace
        self._count = 0

    def reach(self, count: int) -> bool:
        """Whether there are so many, by the API server's own record."""
        mine = (self._namespace, AGENT)
        self._count += sum((write.namespace, write.agent) == mine for write in self._log.new())
        return self._count >= count
