"""Support for fault tests: points in time counted in the operator's writes, and figures."""

from __future__ import annotations

import json
from functools import partial
from uuid import uuid4

from dev.cluster.api import Cluster
from dev.cluster.audit import AuditLog
from tests.kube import ROOT, Kubectl, eventually

AGENT = "itechsmart-workflow"
FIGURES = ROOT / "build" / "faults"


class OperatorWrites:
    """Counts the operator's writes to a namespace, according to the audit log."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._log = AuditLog(cluster.audit_log, from_now=True)
        self._namespace = namespace
        self.count = 0

    def wait_for(self, count: int) -> None:
        """Wait until there are `count` writes."""
        eventually(partial(self.reach, count), 180, pause=0.005)

    def reach(self, count: int) -> bool:
        """Whether there are `count` writes."""
        mine = (self._namespace, AGENT)
        self.count += sum((write.namespace, write.agent) == mine for write in self._log.new())
        return self.count >= count


def wait_until_jobs_run(kubectl: Kubectl) -> None:
    """Wait until the cluster's controllers have recovered, so that delays are the operator's.

    The Job controller and the scheduler wait up to a minute, and that twice, before they watch
    again an API server that was away several times.
    """
    probe = f"probe-{uuid4().hex[:8]}"
    container = {"name": "main", "image": "example.com/fake:1"}
    body = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": probe},
        "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [container]}}},
    }
    default = kubectl.within("default")
    eventually(lambda: default.create(body))
    eventually(lambda: default.get("job", probe)["status"].get("succeeded"), 180)


def keep_figures(fault: str, **figures: int) -> None:
    """Leave the figures of a test in build/faults, for the table of reliability.md."""
    FIGURES.mkdir(parents=True, exist_ok=True)
    told = {"fault": fault, **figures}
    (FIGURES / f"{fault}.json").write_text(json.dumps(told, indent=1) + "\n")
