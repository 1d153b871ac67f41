"""The operator on a real API server, with the rights of its own service account and no others."""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dev.cluster.api import Cluster
from dev.cluster.audit import AuditLog, Request
from orchestrator.controller.main import OperatorOptions, serve
from tests.kube import Kubectl, ended, eventually, execution, manifest, workflow
from tests.service_accounts import INSTALL, NAMESPACE, USER

TASK = {
    "parameters": [{"name": "text", "type": "string"}],
    "action": {"image": "fake", "command": ["true"]},
}


@contextmanager
def operating(kubeconfig: Path, *namespaces: str) -> Iterator[None]:
    """The operator in a thread, until the block ends."""
    options = OperatorOptions(
        runner_image="runner", kubeconfig=str(kubeconfig), namespaces=namespaces
    )
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()
    failures: list[BaseException] = []

    def work() -> None:
        try:
            loop.run_until_complete(serve(options, stop))
            loop.run_until_complete(loop.shutdown_default_executor())
        except BaseException as error:
            failures.append(error)
        finally:
            loop.close()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        if thread.is_alive():
            loop.call_soon_threadsafe(stop.set)
        thread.join(60)
    assert not failures, failures
    assert not thread.is_alive()


def condition(kubectl: Kubectl, kind: str, name: str, type_: str = "Ready") -> dict[str, Any]:
    """A condition of the object, for the generation that it is of now."""

    def check() -> Any:
        raw = kubectl.get(kind, name)
        status = raw.get("status", {})
        if status.get("observedGeneration") != raw["metadata"]["generation"]:
            return None
        return next(item for item in status["conditions"] if item["type"] == type_)

    found: dict[str, Any] = eventually(check)
    return found


def writes_of_the_operator(cluster: Cluster) -> list[Request]:
    """What it wrote, by the API server's own account."""
    return [write for write in AuditLog(cluster.audit_log).new() if write.user == USER]


def test_its_account_has_no_verb_on_secrets(account: Path, kubeconfig: Path) -> None:
    assert account.exists()
    kubectl = Kubectl(kubeconfig)
    for verb in ("get", "list", "watch", "create", "update", "patch", "delete"):
        answer = kubectl.attempt("auth", "can-i", verb, "secrets", f"--as={USER}", "-A")
        assert answer.stdout.strip() == "no"
    for refused in (
        "create clusterroles",
        "create pods/exec",
        "update workflows",
        "delete workflows",
    ):
        answer = kubectl.attempt("auth", "can-i", *refused.split(), f"--as={USER}", "-A")
        assert answer.stdout.strip() == "no", refused


def test_the_installation_is_accepted_by_a_namespace_that_enforces_restricted(
    account: Path, kubeconfig: Path
) -> None:
    assert account.exists()
    kubectl = Kubectl(kubeconfig, NAMESPACE)
    done = kubectl.attempt("apply", "--server-side", "-k", str(INSTALL), "--dry-run=server")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


def test_definitions_say_whether_they_can_be_used(account: Path, kubectl: Kubectl) -> None:
    kubectl.apply(
        workflow("good", nodes=[{"name": "a", "delay": "1s"}]),
        workflow("waits", nodes=[{"name": "a", "action": "local/task"}]),
        workflow("wrong", nodes=[{"name": "a", "condition": "vars.nope"}]),
        manifest("Trigger", "nightly", {"workflow": "good", "schedule": {"cron": "0 25 * * *"}}),
    )
    with operating(account):
        assert condition(kubectl, "awf", "good")["status"] == "True"
        wrong = condition(kubectl, "awf", "wrong")
        assert (wrong["status"], wrong["reason"]) == ("False", "InvalidSpec")
        assert "spec.nodes[0].condition" in wrong["message"]
        nightly = condition(kubectl, "awft", "nightly")
        assert (nightly["status"], nightly["reason"]) == ("False", "InvalidSpec")
        waits = condition(kubectl, "awf", "waits", "Reconciling")
        assert (waits["status"], waits["reason"]) == ("True", "TemplateNotFound")

        kubectl.apply(manifest("Template", "task", TASK))
        eventually(lambda: condition(kubectl, "awf", "waits")["status"] == "True")
        assert condition(kubectl, "atpl", "task")["status"] == "True"
        kubectl("delete", "atpl", "task")
        eventually(lambda: condition(kubectl, "awf", "waits")["status"] == "False")


def test_a_trigger_is_ready_while_its_workflow_takes_what_it_gives(
    account: Path, kubectl: Kubectl
) -> None:
    def reads(reason: str) -> bool:
        found = condition(kubectl, "awft", "nightly")
        return bool(
            found["reason"] == reason and (found["status"] == "True") == (reason == "Valid")
        )

    def flow(*names: str, **fields: Any) -> dict[str, Any]:
        variables = [{"name": name, "type": "string", "required": True} for name in names]
        nodes = [{"name": "a", "delay": "1s"}]
        return workflow("flow", nodes=nodes, variables=variables, **fields)

    spec = {
        "workflow": "flow",
        "schedule": {"cron": "0 0 1 1 *"},
        "variables": {"slot": "$[[ event.scheduledAt ]]"},
    }
    kubectl.apply(manifest("Trigger", "nightly", spec))
    with operating(account):
        eventually(lambda: reads("WorkflowNotFound"))
        kubectl.apply(flow("slot"))
        eventually(lambda: reads("Valid"))
        kubectl.apply(flow("slot", "service"))
        eventually(lambda: reads("InvalidVariables"))
        assert (
            "spec.variables.service: is required"
            in condition(kubectl, "awft", "nightly")["message"]
        )
        kubectl.apply(flow("slot", state="Inactive"))
        eventually(lambda: reads("WorkflowNotActive"))
        kubectl.apply(flow("slot"))
        eventually(lambda: reads("Valid"))
        kubectl("delete", "awf", "flow")
        eventually(lambda: reads("WorkflowNotFound"))


def test_an_incident_has_each_change_once(account: Path, kubectl: Kubectl) -> None:
    kubectl.apply(manifest("Incident", "down", {"title": "checkout is down"}))

    def timeline() -> list[str]:
        entries = kubectl.get("ainc", "down").get("status", {}).get("timeline", [])
        return [f"{entry['field']}={entry['to']}" for entry in entries]

    with operating(account):
        eventually(lambda: timeline() == ["state=Open"])
        kubectl("patch", "ainc", "down", "--type=merge", "-p", '{"spec":{"assignee":"ana"}}')
        eventually(lambda: timeline() == ["state=Open", "assignee=ana"])
    kubectl("patch", "ainc", "down", "--type=merge", "-p", '{"spec":{"state":"Resolved"}}')
    with operating(account):
        eventually(lambda: timeline() == ["state=Open", "assignee=ana", "state=Resolved"])


def test_executions_run_and_count_once_across_restarts(account: Path, kubectl: Kubectl) -> None:
    kubectl.apply(
        manifest("Template", "task", TASK),
        workflow("flow", nodes=[{"name": "a", "action": "local/task"}]),
    )

    def counted() -> Any:
        metrics = kubectl.get("awf", "flow").get("status", {}).get("metrics", {})
        return metrics.get("executions")

    with operating(account):
        for number in range(3):
            kubectl.create(execution("flow", f"run-{number}"))
        for number in range(3):
            assert ended(kubectl, f"run-{number}")["status"]["phase"] == "Succeeded"
        eventually(lambda: counted() == {"Succeeded": 3})
    kubectl.create(execution("flow", "run-3"))
    with operating(account):
        assert ended(kubectl, "run-3")["status"]["phase"] == "Succeeded"
        eventually(lambda: counted() == {"Succeeded": 4})


def test_a_settled_system_makes_no_writes(
    account: Path, kubectl: Kubectl, api_cluster: Cluster
) -> None:
    kubectl.apply(
        workflow("good", nodes=[{"name": "a", "delay": "100ms"}]),
        manifest("Trigger", "nightly", {"workflow": "good", "schedule": {"cron": "0 0 1 1 *"}}),
        manifest("Incident", "down", {"title": "checkout is down"}),
    )
    kubectl.create(execution("good", "run"))
    with operating(account):
        ended(kubectl, "run")
        eventually(lambda: kubectl.get("awf", "good").get("status", {}).get("metrics"))
        condition(kubectl, "ainc", "down")
        condition(kubectl, "awft", "nightly")
    before = len(writes_of_the_operator(api_cluster))
    marker = f"marker-{uuid.uuid4().hex[:6]}"
    with operating(account):
        kubectl.apply(manifest("Incident", marker, {"title": "written after all the others"}))
        condition(kubectl, "ainc", marker)
    new = writes_of_the_operator(api_cluster)[before:]
    assert {write.name for write in new} == {marker}


def test_only_its_namespaces_are_its_business(account: Path, kubectl: Kubectl) -> None:
    other = kubectl.within("default")
    name = f"flow-{uuid.uuid4().hex[:6]}"
    for of in (kubectl, other):
        of.apply(workflow(name, nodes=[{"name": "a", "delay": "100ms"}]))
        of.create(execution(name, name))
    with operating(account, kubectl.namespace):
        assert condition(kubectl, "awf", name)["status"] == "True"
        assert ended(kubectl, name)["status"]["phase"] == "Succeeded"
        assert "status" not in other.get("awf", name)
        assert "phase" not in other.get("awfx", name).get("status", {})
