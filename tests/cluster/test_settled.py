"""A system with nothing to do writes nothing."""

from __future__ import annotations

import time
from pathlib import Path

from dev.cluster.api import Cluster
from dev.cluster.audit import AuditLog
from tests.cluster.twelve_node_workflow import TASK, TWELVE
from tests.kube import Kubectl, ended, eventually, execution, running_operator, workflow

AGENT = "itechsmart-workflow"


def test_after_the_end_of_its_work_the_operator_writes_about_nothing_but_new_work(
    kubectl: Kubectl, account: Path, api_cluster: Cluster, tmp_path: Path
) -> None:
    kubectl.apply(TASK, TWELVE, workflow("clock", nodes=[{"name": "wait", "delay": "5s"}]))
    kubectl.apply(*(execution("twelve", f"run-{number}") for number in range(5)))
    with running_operator(account, tmp_path / "log", f"--namespace={kubectl.namespace}"):
        for number in range(5):
            ended(kubectl, f"run-{number}")
        eventually(lambda: counted(kubectl, "twelve") == {"Succeeded": 5})
        audit = AuditLog(api_cluster.audit_log, from_now=True)
        eventually(lambda: silent(audit, kubectl.namespace))
        kubectl.create(execution("clock", "clock"))
        ended(kubectl, "clock")
        eventually(lambda: counted(kubectl, "clock") == {"Succeeded": 1})
    written = writes(audit, kubectl.namespace)
    assert {name for resource, name in written if resource != "controllerrevisions"} == {"clock"}
    assert {resource for resource, _ in written} == {
        "controllerrevisions", "workflowexecutions/status", "workflows/status",
    }  # fmt: skip


def writes(audit: AuditLog, namespace: str) -> set[tuple[str, str]]:
    """Resource and name of what the operator has written since the last call."""
    mine = (AGENT, namespace)
    return {
        (write.resource, write.name)
        for write in audit.new()
        if (write.agent, write.namespace) == mine
    }


def silent(audit: AuditLog, namespace: str) -> bool:
    """Whether the operator writes nothing for some seconds: the figures of what ended are late."""
    time.sleep(3)
    return not writes(audit, namespace)


def counted(kubectl: Kubectl, name: str) -> dict[str, int]:
    """Executions by phase, as the Workflow's metrics have them."""
    metrics = kubectl.get("awf", name).get("status", {}).get("metrics", {})
    found: dict[str, int] = metrics.get("executions", {})
    return found
