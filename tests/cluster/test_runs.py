"""Executions on a real API server: the right status, node for node, and one Job an attempt."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dev.cluster.api import Cluster
from orchestrator.jobs.names import job_name
from tests.cluster.twelve_node_workflow import (
    ATTEMPTS,
    JOBS,
    PHASES,
    TASK,
    TWELVE,
    jobs_created,
    task,
)
from tests.kube import Kubectl, ended, eventually, execution, phases, running_operator, workflow


@pytest.fixture(scope="module", autouse=True)
def _operator(kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with running_operator(kubeconfig, tmp_path_factory.mktemp("operator") / "log"):
        yield


@pytest.fixture
def shop(kubectl: Kubectl) -> Kubectl:
    """A namespace with the action `local/task`."""
    kubectl.apply(TASK)
    return kubectl


def run(kubectl: Kubectl, name: str, *nodes: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """An execution of a workflow of these nodes, at its end."""
    spec = fields.pop("execution", {})
    kubectl.apply(workflow(name, nodes=list(nodes), **fields))
    kubectl.create(execution(name, f"{name}-1", **spec))
    return ended(kubectl, f"{name}-1")


def test_twelve_nodes_come_to_the_right_end_node_for_node(
    shop: Kubectl, api_cluster: Cluster
) -> None:
    shop.apply(TWELVE)
    shop.create(execution("twelve", "run"))
    raw = ended(shop, "run")
    status = raw["status"]
    assert status["phase"] == "Succeeded"
    assert phases(raw) == PHASES
    assert status["outputs"] == {"total": 16}
    attempts = {
        name: record["attempts"] for name, record in status["nodes"].items() if "job" in record
    }
    assert attempts == ATTEMPTS
    assert status["nodes"]["never"]["reason"] == "Blocked"
    assert status["nodes"]["small"]["reason"] == "BranchNotChosen"
    assert status["nodes"]["broken"]["message"] == "it is broken"
    assert status["nodes"]["broken"]["exitCode"] == 64
    assert status["progress"] == "12/12"
    created = jobs_created(api_cluster.audit_log, shop.namespace)
    assert len(created) == JOBS
    assert set(created.values()) == {1}


def test_conditions_let_kubectl_wait_and_describe_reads_as_a_story(shop: Kubectl) -> None:
    shop.apply(workflow("quick", nodes=[task("only")]))
    shop.create(execution("quick", "run"))
    shop("wait", "--for=condition=Finished", "awfx/run", "--timeout=30s")
    shop("wait", "--for=condition=Ready", "awfx/run", "--timeout=5s")

    def told() -> str:
        story = shop("describe", "awfx", "run")
        assert "runs 1 node" in story
        assert "only succeeded after" in story
        assert "ended Succeeded after" in story
        return story

    eventually(told, 15)


def test_an_edited_workflow_changes_no_running_execution(shop: Kubectl) -> None:
    shop.apply(workflow("edited", nodes=[task("first", delay="3s")]))
    shop.create(execution("edited", "run"))
    eventually(lambda: shop.get("awfx", "run").get("status", {}).get("revision"))
    shop.apply(workflow("edited", nodes=[task("other")]))
    assert phases(ended(shop, "run")) == {"first": "Succeeded"}
    shop.create(execution("edited", "again"))
    assert phases(ended(shop, "again")) == {"other": "Succeeded"}


def test_deleting_a_workflow_leaves_its_executions(shop: Kubectl) -> None:
    shop.apply(workflow("gone", nodes=[task("slow", delay="2s")]))
    shop.create(execution("gone", "run"))
    eventually(lambda: shop.get("awfx", "run").get("status", {}).get("revision"))
    shop("delete", "awf", "gone")
    assert ended(shop, "run")["status"]["phase"] == "Succeeded"


def test_cancelling_ends_what_runs_and_says_so(shop: Kubectl) -> None:
    shop.apply(
        workflow(
            "long",
            nodes=[task("slow", delay="10m"), task("after")],
            edges=[{"from": "slow", "to": "after"}],
        )
    )
    shop.create(execution("long", "run"))
    eventually(lambda: shop.get("awfx", "run").get("status", {}).get("nodes"))
    shop("patch", "awfx", "run", "--type=merge", "-p", '{"spec":{"desiredState":"Cancelled"}}')
    raw = ended(shop, "run")
    assert raw["status"]["phase"] == "Cancelled"
    assert phases(raw) == {"slow": "Cancelled", "after": "Skipped"}


def test_pausing_starts_nothing_until_resumed(shop: Kubectl) -> None:
    shop.apply(
        workflow(
            "pausing",
            nodes=[task("first", delay="1s"), task("second")],
            edges=[{"from": "first", "to": "second"}],
        )
    )
    shop.create(execution("pausing", "run", desiredState="Paused"))
    eventually(lambda: shop.get("awfx", "run").get("status", {}).get("phase") == "Paused")
    assert not shop.get("jobs")["items"]
    shop("patch", "awfx", "run", "--type=merge", "-p", '{"spec":{"desiredState":"Running"}}')
    assert ended(shop, "run")["status"]["phase"] == "Succeeded"


def test_a_node_and_an_execution_time_out(shop: Kubectl) -> None:
    node = run(shop, "node-late", {**task("slow", delay="10m"), "timeout": "2s"})
    assert phases(node) == {"slow": "TimedOut"}
    assert node["status"]["phase"] == "Failed"
    whole = run(shop, "all-late", task("slow", delay="10m"), timeout="2s")
    assert phases(whole) == {"slow": "Cancelled"}
    assert whole["status"]["phase"] == "TimedOut"


def test_a_workflow_that_cannot_be_valid_says_where_and_makes_no_job(shop: Kubectl) -> None:
    shop.apply(
        workflow(
            "cycle",
            nodes=[task("a"), task("b")],
            edges=[{"from": "a", "to": "b"}, {"from": "b", "to": "a"}],
        )
    )
    shop.create(execution("cycle", "run"))
    raw = ended(shop, "run")

    def stalled() -> dict[str, Any]:
        conditions = shop.get("awf", "cycle").get("status", {}).get("conditions", [])
        by_type = {item["type"]: item for item in conditions}
        assert by_type["Ready"]["status"] == "False"
        assert by_type["Stalled"]["status"] == "True"
        ready: dict[str, Any] = by_type["Ready"]
        return ready

    condition = eventually(stalled)
    assert condition["reason"] == raw["status"]["reason"] == "InvalidSpec"
    assert condition["message"] == raw["status"]["message"]
    assert "spec.edges" in condition["message"]
    assert not shop.get("jobs")["items"]


@pytest.mark.parametrize(
    ("fields", "spec", "reason", "words"),
    [
        (
            {"variables": [{"name": "who", "type": "string", "required": True}]},
            {},
            "InvalidVariables",
            "spec.variables.who",
        ),
        ({"state": "Archived"}, {}, "WorkflowNotActive", "Archived"),
        ({}, {"rerunOf": {"name": "x", "from": ["only"]}}, "RerunSourceGone", "spec.rerunOf"),
    ],
)
def test_what_may_not_start_fails_with_its_reason_and_makes_no_job(
    shop: Kubectl, fields: dict[str, Any], spec: dict[str, Any], reason: str, words: str
) -> None:
    raw = run(shop, "refused", task("only"), execution=spec, **fields)
    assert raw["status"]["phase"] == "Failed"
    assert raw["status"]["reason"] == reason
    assert words in raw["status"]["message"]
    assert not shop.get("jobs")["items"]


def test_a_workflow_that_is_not_there_yet_is_waited_for(shop: Kubectl) -> None:
    shop.create(execution("later", "run"))
    eventually(
        lambda: shop.get("awfx", "run").get("status", {}).get("reason") == "WorkflowNotFound"
    )
    shop.apply(workflow("later", nodes=[task("only")]))
    assert ended(shop, "run")["status"]["phase"] == "Succeeded"


def test_wrong_outputs_fail_their_node_and_say_which(shop: Kubectl) -> None:
    raw = run(
        shop,
        "outputs",
        task("no_json", message="{value: 7"),
        task("undeclared", message='{"other": 1}'),
        task("mistyped", message='{"value": "many"}'),
    )
    nodes = raw["status"]["nodes"]
    assert {record["reason"] for record in nodes.values()} == {"OutputsInvalid"}
    assert "JSON" in nodes["no_json"]["message"]
    assert "'other' is not declared" in nodes["undeclared"]["message"]
    assert "value" in nodes["mistyped"]["message"]


def test_a_quota_that_refuses_a_job_is_waited_for_and_named(shop: Kubectl) -> None:
    shop("create", "quota", "none", "--hard=count/jobs.batch=0")
    eventually(lambda: "status" in shop.get("quota", "none") and _counted(shop))
    raw = run(shop, "refused", {**task("only"), "startTimeout": "5s"})
    record = raw["status"]["nodes"]["only"]
    assert (record["phase"], record["reason"]) == ("Failed", "QuotaExceeded")
    assert "describe quota none" in record["message"]


def _counted(kubectl: Kubectl) -> bool:
    return "count/jobs.batch" in kubectl.get("quota", "none")["status"].get("hard", {})


def test_a_job_of_the_same_name_that_is_not_ours_is_never_adopted(shop: Kubectl) -> None:
    shop.apply(workflow("taken", nodes=[task("only")]))
    created = shop.create(execution("taken", "run", desiredState="Paused"))
    name = job_name("taken", "only", created["metadata"]["uid"], 1)
    shop("create", "job", name, "--image=example.com/fake:1")
    shop("patch", "awfx", "run", "--type=merge", "-p", '{"spec":{"desiredState":"Running"}}')
    record = ended(shop, "run")["status"]["nodes"]["only"]
    assert (record["phase"], record["reason"]) == ("Failed", "NameTaken")
    assert name in record["message"]


def test_a_job_that_others_delete_is_not_created_again(shop: Kubectl, api_cluster: Cluster) -> None:
    shop.apply(workflow("deleted", nodes=[task("slow", delay="10m")]))
    shop.create(execution("deleted", "run"))
    eventually(
        lambda: (
            shop.get("awfx", "run").get("status", {}).get("nodes", {}).get("slow", {}).get("job")
        )
    )
    shop("delete", "jobs", "--all", "--wait=false")
    record = ended(shop, "run")["status"]["nodes"]["slow"]
    assert (record["phase"], record["reason"]) == ("Failed", "JobDeleted")
    assert sum(jobs_created(api_cluster.audit_log, shop.namespace).values()) == 1


def test_a_service_account_must_allow_workflows(shop: Kubectl) -> None:
    spec = {**TASK["spec"], "action": {**TASK["spec"]["action"], "serviceAccountName": "robot"}}
    shop.apply({**TASK, "spec": spec})
    shop("create", "serviceaccount", "robot")
    record = run(shop, "borrowed", task("only"))["status"]["nodes"]["only"]
    assert (record["phase"], record["reason"]) == ("Failed", "ServiceAccountNotAllowed")
    assert "allow-workflows=true" in record["message"]
    shop("create", "serviceaccount", "helper")
    shop("label", "serviceaccount", "helper", "automation.itechsmart.dev/allow-workflows=true")
    spec["action"]["serviceAccountName"] = "helper"
    shop.apply({**TASK, "spec": spec})
    assert run(shop, "allowed", task("only"))["status"]["phase"] == "Succeeded"


def test_a_job_that_appears_after_the_end_is_stopped_and_an_event_says_so(shop: Kubectl) -> None:
    run(shop, "over", task("only", delay="10m"), timeout="1s")
    late = shop.get("jobs")["items"][0]
    late["metadata"] = {
        key: late["metadata"][key] for key in ("annotations", "ownerReferences", "namespace")
    } | {
        "name": "late",
        "labels": {
            key: value
            for key, value in late["metadata"]["labels"].items()
            if "itechsmart" in key or "managed-by" in key
        },
    }
    late["spec"].pop("selector")
    late["spec"]["template"]["metadata"].pop("labels")
    late.pop("status")
    shop.create(late)

    def stopped() -> bool:
        conditions = shop.get("job", "late").get("status", {}).get("conditions", [])
        return any(item["type"] == "Failed" for item in conditions)

    eventually(stopped)
    eventually(lambda: "stopped Job late" in shop("describe", "awfx", "over-1"), 15)
