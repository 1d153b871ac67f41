"""run-job, exec, cordon and drain on a real API server with fake nodes, by their own rights."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.workloads import fake_workload, job
from tests.commandline import CommandLine
from tests.kube import Kubectl, eventually, execution
from tests.runner import Runner, make_runner, runner_of

PROVES = {"Kubernetes API server": ["run-job", "cordon", "uncordon", "drain", "wait-for"]}

PERMANENT, RETRY = 65, 1


@pytest.fixture
def runner(kubectl: Kubectl, tmp_path: Path) -> Runner:
    return make_runner(kubectl, tmp_path, "jobs", "commands")


@pytest.fixture
def uid(kubectl: Kubectl) -> str:
    """The uid of an execution `run`, to which Jobs can belong."""
    return str(kubectl.create(execution("none", "run"))["metadata"]["uid"])


def test_a_job_runs_once_and_belongs_to_its_execution(
    kubectl: Kubectl, runner: Runner, uid: str
) -> None:
    first = runner("run-job", uid=uid, manifest=job(), timeout="60s")
    assert (first.code, first.outputs["succeeded"]) == (0, 1), first.message
    again = runner("run-job", uid=uid, attempt=2, manifest=job(), timeout="60s")
    assert (again.outputs["job"], again.outputs["repeated"]) == (first.outputs["job"], True)
    (made,) = kubectl.get("jobs")["items"]
    assert made["metadata"]["ownerReferences"][0]["uid"] == uid
    assert made["spec"]["ttlSecondsAfterFinished"] == 3600
    kubectl("delete", "awfx", "run")
    eventually(lambda: not kubectl.get("jobs")["items"])


def test_a_failed_job_is_said_with_its_reason_and_run_again_by_a_retry(
    kubectl: Kubectl, runner: Runner, uid: str
) -> None:
    failing = job(exit_code="3")
    first = runner("run-job", uid=uid, manifest=failing, timeout="60s")
    assert (first.code, "failed: BackoffLimitExceeded" in first.message) == (RETRY, True)
    runner("run-job", uid=uid, attempt=2, manifest=failing, timeout="60s")
    assert len(kubectl.get("jobs")["items"]) == 2


def test_the_job_of_a_cron_job_is_run_and_one_that_hangs_is_deleted(
    kubectl: Kubectl, runner: Runner, uid: str
) -> None:
    cron = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "nightly"},
        "spec": {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": job(hang="true")["spec"]}},
    }
    kubectl.apply(cron)
    ended = runner("run-job", uid=uid, cronJob="nightly", timeout="2s")
    assert (ended.code, "has not ended after 2 s" in ended.message) == (RETRY, True)
    eventually(lambda: not kubectl.get("jobs")["items"])
    missing = runner("run-job", uid=uid, cronJob="none")
    assert (missing.code, '"none" not found' in missing.message) == (PERMANENT, True)
    wrong = runner("run-job", uid=uid, manifest={"spec": {"template": {}}})
    assert (wrong.code, "is invalid" in wrong.message) == (PERMANENT, True)


def test_a_pod_without_a_kubelet_runs_no_command(kubectl: Kubectl, runner: Runner) -> None:
    missing = runner("exec", name="none", command=["true"])
    assert (missing.code, '"none" not found' in missing.message) == (PERMANENT, True)
    kubectl.apply(fake_workload("Deployment", 1, hang="true"))
    assert runner("wait-for", kind="Pod", selector="app=web", created=True, timeout="30s").code == 0
    waited = runner("wait-for", kind="Pod", selector="app=web", condition="Ready", timeout="60s")
    assert waited.code == 0, waited.message
    (pod,) = waited.outputs["names"]
    refused = runner("exec", name=pod, command=["true"], timeout="10s")
    assert refused.code in (PERMANENT, RETRY)
    assert refused.message
    assert "unexpected" not in refused.message


@pytest.fixture
def node(kubectl: Kubectl) -> Iterator[str]:
    """A fake node, which accepts pods again afterwards."""
    found = kubectl.get("nodes", "-l", "type=fake")["items"]
    name = sorted(str(each["metadata"]["name"]) for each in found)[0]
    yield name
    kubectl("uncordon", name)


@pytest.fixture
def operations(kubectl: Kubectl, tmp_path: Path) -> Iterator[Runner]:
    """A runner with what `orchestrator grant` prints for the actions on nodes, and no more."""
    orchestrator = CommandLine(kubectl.kubeconfig, kubectl.namespace)
    done = orchestrator("grant", "cordon", "uncordon", "drain", "--offline")
    assert done.returncode == 0, done.stderr
    granted = list(yaml.safe_load_all(done.stdout))
    kubectl.apply(*granted)
    yield runner_of(kubectl, tmp_path)
    for each in granted:
        if each["kind"].startswith("ClusterRole"):
            kubectl("delete", each["kind"], each["metadata"]["name"])


def test_a_node_is_drained_when_its_disruption_budget_allows_it(
    kubectl: Kubectl, operations: Runner, node: str
) -> None:
    made = fake_workload("Deployment", 1, hang="true")
    label = {"drained-by": kubectl.namespace}
    made["spec"]["template"]["metadata"]["labels"] |= label
    made["spec"]["template"]["spec"]["nodeSelector"] = {"kubernetes.io/hostname": node}
    budget = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "web"},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}},
    }
    kubectl.apply(made, budget)
    eventually(lambda: kubectl.get("pdb", "web")["status"]["currentHealthy"])
    asked: dict[str, Any] = {"node": node, "podSelector": f"drained-by={kubectl.namespace}"}
    held = operations("drain", **asked, timeout="1s")
    assert (held.code, "disruption budget" in held.message) == (RETRY, True), held.message
    kubectl("delete", "pdb", "web")
    done = operations("drain", attempt=2, **asked, timeout="60s")
    assert (done.code, len(done.outputs["evicted"])) == (0, 1), done.message
    assert kubectl.get("node", node)["spec"]["unschedulable"] is True
    assert operations("cordon", node=node).outputs["changed"] is False
    assert operations("uncordon", node=node).outputs["changed"] is True
    assert "unschedulable" not in kubectl.get("node", node)["spec"]


def test_the_routine_role_does_not_reach_nodes_jobs_or_containers(
    kubectl: Kubectl, tmp_path: Path, uid: str
) -> None:
    routine = make_runner(kubectl, tmp_path)
    for action, parameters in (
        ("cordon", {"node": "any"}),
        ("run-job", {"manifest": job()}),
        ("apply", {"manifests": [{"apiVersion": "v1", "kind": "ConfigMap",
                                  "metadata": {"name": "x"}}]}),
        ("delete", {"kind": "ConfigMap", "name": "x"}),
    ):  # fmt: skip
        refused = routine(action, uid=uid, **parameters)
        assert (refused.code, "cannot" in refused.message) == (PERMANENT, True), refused
