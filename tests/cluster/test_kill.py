"""Killing the operator, and running two: one Job an attempt, by the API server's own record."""

from __future__ import annotations

import random
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

from dev.cluster.api import Cluster
from dev.cluster.audit import AuditLog
from orchestrator.jobs.names import job_name
from tests.cluster.twelve import TASK, TWELVE, attempts_of, outputs_of, phases_of
from tests.kube import Kubectl, Operator, eventually, execution, phases

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


def variables(number: int) -> dict[str, Any]:
    """Executions take both branches in turn; every third ends badly."""
    return {"number": 3 + number % 6, "fatal": number % 3 == 0}


def start_executions(kubectl: Kubectl, count: int) -> None:
    """Create the workflow and its executions."""
    kubectl.apply(
        TASK,
        TWELVE,
        *(
            execution("twelve", f"run-{number}", variables=variables(number))
            for number in range(count)
        ),
    )


def check_all(kubectl: Kubectl, cluster: Cluster, count: int) -> None:
    """Every execution came to its right end, and each attempt had one Job and one pod."""

    def finished() -> dict[str, dict[str, Any]]:
        items: list[dict[str, Any]] = kubectl.get("awfx")["items"]
        open_ones = [raw for raw in items if "finishedAt" not in raw.get("status", {})]
        assert not open_ones, f"{len(open_ones)} of {len(items)} have not ended"
        return {raw["metadata"]["name"]: raw for raw in items}

    found = eventually(finished, 180)
    assert len(found) == count
    jobs = []
    for number in range(count):
        raw, given = found[f"run-{number}"], variables(number)
        assert raw["status"]["phase"] == ("Failed" if given["fatal"] else "Succeeded")
        assert phases(raw) == phases_of(**given)
        assert raw["status"].get("outputs", {}) == outputs_of(**given)
        jobs += expected_jobs(raw["metadata"]["uid"], given["number"])
    check_jobs(kubectl, cluster, jobs)


def check_jobs(kubectl: Kubectl, cluster: Cluster, expected: list[str]) -> None:
    """Each of these Jobs was made once and had one pod; there was never another.

    Names are unique among what exists, so a Job that exists, in a namespace where none was ever
    deleted, was created once. The log answers a creation whose client was killed with 504, whether
    it took effect or not.
    """
    log = [
        write for write in AuditLog(cluster.audit_log).new() if write.namespace == kubectl.namespace
    ]
    tried = [write for write in log if (write.verb, write.resource) == ("create", "jobs")]
    created = Counter(write.name for write in tried if write.taken)
    unanswered = {write.name for write in tried if write.code == 504}
    exist = {raw["metadata"]["name"] for raw in kubectl.get("jobs")["items"]}
    assert [w for w in log if w.resource == "jobs" and w.verb.startswith("delete")] == []
    assert set(created.values()) == {1}
    assert set(created) <= exist <= set(created) | unanswered
    assert sorted(exist) == sorted(expected)
    bound = (write.name for write in log if write.resource == "pods/binding" and write.taken)
    assert Counter(name.rpartition("-")[0] for name in bound) == Counter(expected)


def expected_jobs(uid: str, number: int) -> list[str]:
    """The Jobs that an execution must have had."""
    return [
        job_name("twelve", node, uid, attempt)
        for node, attempts in attempts_of(number).items()
        for attempt in range(1, attempts + 1)
    ]
