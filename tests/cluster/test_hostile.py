"""Hostile or unlucky input: its outcome is defined, and what runs beside it is not disturbed.

The admission policies are not installed here: what they refuse is in test_people.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dev.cluster.api import Cluster
from orchestrator.engine.lifecycle.admission import Prepared, prepare
from orchestrator.jobs.names import job_name
from tests.cluster.twelve_node_workflow import TASK, jobs_created, task
from tests.kube import Kubectl, Operator, ended, eventually, execution, running_operator, workflow

IMAGE = "example.com/runner:1"
MANY = 2000
"""Most nodes of a workflow."""


@pytest.fixture(scope="module")
def operator(account: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    log = tmp_path_factory.mktemp("operator") / "log"
    with running_operator(account, log, f"--runner-image={IMAGE}") as operator:
        yield operator
    assert "Traceback" not in log.read_text()


@pytest.fixture
def shop(kubectl: Kubectl, operator: Operator) -> Iterator[Kubectl]:
    """A namespace with the action `local/task` and an execution that must end well."""
    assert operator.pid
    kubectl.apply(TASK, workflow("beside", nodes=[task("first", delay="2s"), task("second")]))
    kubectl.create(execution("beside", "beside"))
    yield kubectl
    kubectl.create(execution("beside", "afterwards"))
    for name in ("beside", "afterwards"):
        assert ended(kubectl, name)["status"]["phase"] == "Succeeded"


def revision_of(kubectl: Kubectl, name: str) -> str:
    """The name that the revision of a Workflow of `local/task` will have."""
    specs = kubectl.get("awf", name)["spec"], kubectl.get("atpl", "task")["spec"]
    prepared = prepare(name, specs[0], {"local/task": specs[1]}, IMAGE)
    assert isinstance(prepared, Prepared)
    return prepared.revision.name


def revision(name: str, data: Any, **labels: str) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {"name": name, "labels": labels},
        "data": data,
        "revision": 7,
    }


def test_a_revision_of_the_same_name_with_other_content_is_said_and_left_alone(
    shop: Kubectl,
) -> None:
    shop.apply(workflow("taken", nodes=[task("only")]))
    name = revision_of(shop, "taken")
    shop.create(revision(name, {"workflow": {}}, app="theirs"))
    shop.create(execution("taken", "run"))
    status = ended(shop, "run")["status"]
    assert (status["phase"], status["reason"]) == ("Failed", "NameTaken")
    assert name in status["message"]
    assert "delete it" in status["message"]
    assert shop.get("controllerrevision", name)["revision"] == 7
    shop("delete", "controllerrevision", name)
    shop.create(execution("taken", "again"))
    assert ended(shop, "again")["status"]["phase"] == "Succeeded"


def test_a_revision_with_our_content_and_other_labels_is_used(shop: Kubectl) -> None:
    shop.apply(workflow("found", nodes=[task("only")]))
    specs = shop.get("awf", "found")["spec"], shop.get("atpl", "task")["spec"]
    prepared = prepare("found", specs[0], {"local/task": specs[1]}, IMAGE)
    assert isinstance(prepared, Prepared)
    shop.create(revision(prepared.revision.name, prepared.revision.data, app="theirs"))
    shop.create(execution("found", "run"))
    status = ended(shop, "run")["status"]
    assert (status["phase"], status["revision"]) == ("Succeeded", prepared.revision.name)


def test_a_job_of_the_same_name_that_is_not_ours_fails_its_node_alone(shop: Kubectl) -> None:
    shop.apply(workflow("named", nodes=[task("only"), task("other")]))
    created = shop.create(execution("named", "run", desiredState="Paused"))
    name = job_name("named", "only", created["metadata"]["uid"], 1)
    shop("create", "job", name, "--image=example.com/fake:1")
    shop("patch", "awfx", "run", "--type=merge", "-p", '{"spec":{"desiredState":"Running"}}')
    nodes = ended(shop, "run")["status"]["nodes"]
    assert (nodes["only"]["phase"], nodes["only"]["reason"]) == ("Failed", "NameTaken")
    assert nodes["other"]["phase"] == "Succeeded"
    assert shop.get("job", name)["spec"]["template"]["spec"]["containers"][0]["name"] == name


def test_edited_annotations_stop_no_execution(shop: Kubectl) -> None:
    shop.apply(workflow("marked", nodes=[task("slow", delay="3s")]))
    shop.create(execution("marked", "run"))
    running(shop, "run")
    marks = "automation.itechsmart.dev/unreferenced-since=yesterday"
    shop("annotate", "controllerrevisions", "--all", "--overwrite", marks)
    assert ended(shop, "run")["status"]["phase"] == "Succeeded"


def edit(kubectl: Kubectl, name: str, status: dict[str, Any]) -> str:
    """Edit a status as an administrator may without the policies; what the API server says."""
    body = json.dumps({"status": status})
    arguments = ("patch", "awfx", name, "--subresource=status", "--type=merge", "-p", body)
    return kubectl.attempt(*arguments).stderr


def running(kubectl: Kubectl, name: str) -> None:
    def begun() -> bool:
        nodes = kubectl.get("awfx", name).get("status", {}).get("nodes", {})
        return bool(nodes.get("slow", {}).get("job"))

    eventually(begun)


NONSENSE: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown node": (
        {"nodes": {"nowhere": {"phase": "Running", "attempts": 1}}},
        "status.nodes.nowhere",
    ),
    "attempts beyond all limits": (
        {"nodes": {"slow": {"attempts": 2**40}}},
        "status.nodes.slow.attempts",
    ),
    "items without end": (
        {"nodes": {"slow": {"completed": "0-999999999999"}}},
        "status.nodes.slow.completed",
    ),
    "items of no fan-out": ({"nodes": {"slow": {"items": 2}}}, "status.nodes.slow.items"),
    "a retry at the end of time": (
        {"nodes": {"slow": {"retryAt": "9999-12-31T23:59:59Z"}}},
        "status.nodes.slow.retryAt",
    ),
    "no start": ({"startedAt": None}, "status.startedAt"),
}


@pytest.mark.parametrize("case", NONSENSE)
def test_a_status_edited_into_nonsense_ends_the_execution_and_stops_its_jobs(
    shop: Kubectl, api_cluster: Cluster, case: str
) -> None:
    status, path = NONSENSE[case]
    shop.apply(workflow("edited", nodes=[task("slow", delay="10m")]))
    shop.create(execution("edited", "run"))
    running(shop, "run")
    assert edit(shop, "run", status) == ""
    found = ended(shop, "run")["status"]
    assert (found["phase"], found["reason"]) == ("Failed", "StatusInvalid")
    assert found["message"].startswith(f"{path}: ")

    def stopped() -> bool:
        pods = shop.get("pods", "-l=automation.itechsmart.dev/execution-uid")["items"]
        slow = [pod for pod in pods if "edited-slow" in pod["metadata"]["name"]]
        return all(pod["status"].get("phase") in ("Succeeded", "Failed") for pod in slow)

    eventually(stopped)
    made = jobs_created(api_cluster.audit_log, shop.namespace)
    assert set(made.values()) == {1}


@pytest.mark.parametrize(
    "status",
    [
        {"nodes": None},
        {"nodes": {"slow": {"phase": "Pending", "job": None, "reason": "??"}}},
        dict.fromkeys(("phase", "revision", "nodes", "startedAt", "counts", "conditions")),
    ],
    ids=["no nodes", "not begun", "nothing"],
)
def test_a_status_that_forgot_finds_its_jobs_and_makes_none_twice(
    shop: Kubectl, api_cluster: Cluster, status: dict[str, Any]
) -> None:
    shop.apply(workflow("forgot", nodes=[task("slow", delay="15s")]))
    shop.create(execution("forgot", "run"))
    running(shop, "run")
    assert edit(shop, "run", status) == ""
    assert ended(shop, "run")["status"]["phase"] == "Succeeded"
    made = jobs_created(api_cluster.audit_log, shop.namespace)
    assert set(made.values()) == {1}


def test_a_phase_that_there_is_not_is_refused_by_the_schema(shop: Kubectl) -> None:
    shop.apply(workflow("typed", nodes=[task("slow", delay="4s")]))
    shop.create(execution("typed", "run"))
    running(shop, "run")
    assert "status.nodes.slow.phase" in edit(shop, "run", {"nodes": {"slow": {"phase": "Done"}}})
    assert "status.phase" in edit(shop, "run", {"phase": "Done"})
    assert ended(shop, "run")["status"]["phase"] == "Succeeded"


def test_nothing_but_a_number_is_an_attempt(shop: Kubectl) -> None:
    shop.apply(workflow("labelled", nodes=[task("slow", delay="4s")]))
    shop.create(execution("labelled", "run"))
    running(shop, "run")
    broken = ("automation.itechsmart.dev/attempt=many", "automation.itechsmart.dev/node=nowhere")
    shop("annotate", "jobs", "--all", "--overwrite", *broken)
    assert ended(shop, "run")["status"]["phase"] == "Succeeded"


def wide(name: str, nodes: int, size: int) -> dict[str, Any]:
    """A workflow of so many nodes, each with an expression of so many bytes."""
    computed = {"x": f"'{'a' * (size - 11)}' | length"}
    return workflow(name, nodes=[{"name": f"n{i}", "transform": computed} for i in range(nodes)])


def test_a_workflow_of_nearly_a_megabyte_runs(shop: Kubectl) -> None:
    shop.apply(wide("large", 970, 1000))
    shop.create(execution("large", "run"))
    status = ended(shop, "run")["status"]
    assert (status["phase"], status["progress"]) == ("Succeeded", "970/970")


def test_a_workflow_of_more_than_a_megabyte_is_refused_in_words(shop: Kubectl) -> None:
    shop.apply(wide("larger", 1300, 1000))
    shop.create(execution("larger", "run"))
    status = ended(shop, "run")["status"]
    assert (status["phase"], status["reason"]) == ("Failed", "RevisionTooLarge")
    assert "at most 1,048,576" in status["message"]


def test_a_workflow_of_ten_thousand_nodes_is_refused_when_it_is_applied(shop: Kubectl) -> None:
    text = json.dumps(wide("widest", 10_000, 20))
    done = shop.attempt("apply", "--server-side", "-f", "-", stdin=text)
    assert f"must have at most {MANY:,}".replace(",", "") in done.stderr


RUNAWAY = {
    "texts": "vars.text | replace('a', vars.text) | replace('a', vars.text)",
    "lists": "[vars.list, vars.list, vars.list, vars.list, vars.list, vars.list, vars.list]",
}


def test_an_expression_that_runs_away_fails_its_node_alone(shop: Kubectl) -> None:
    shop.apply(
        workflow(
            "runaway",
            variables=[
                {"name": "text", "type": "string", "default": "a" * 4000},
                {"name": "list", "type": "list", "default": ["a" * 1000] * 60},
            ],
            nodes=[
                *({"name": name, "transform": {"x": RUNAWAY[name]}} for name in RUNAWAY),
                task("other"),
            ],
        )
    )
    shop.create(execution("runaway", "run"))
    nodes = ended(shop, "run")["status"]["nodes"]
    for name in RUNAWAY:
        assert (nodes[name]["phase"], nodes[name]["reason"]) == ("Failed", "ExpressionError")
        assert "KiB" in nodes[name]["message"]
    assert nodes["other"]["phase"] == "Succeeded"


def test_decisions_and_signals_for_what_waits_for_none_change_nothing(shop: Kubectl) -> None:
    shop.apply(workflow("noisy", nodes=[task("slow", delay="3s")]))
    shop.create(execution("noisy", "run"))
    running(shop, "run")
    decisions = [{"node": name, "by": "ana", "decision": "Reject"} for name in ("slow", "nowhere")]
    spec = {"decisions": decisions, "signals": [{"id": "1", "name": "nobody", "by": "ana"}]}
    shop("patch", "awfx", "run", "--type=merge", "-p", json.dumps({"spec": spec}))
    assert ended(shop, "run")["status"]["phase"] == "Succeeded"


def nested(manifest: dict[str, Any], depth: int) -> str:
    """A manifest with so many lists inside each other where it says NESTED."""
    return json.dumps(manifest).replace('"NESTED"', "[" * depth + "]" * depth)


@pytest.mark.parametrize("depth", [1_100, 9_000])
def test_values_that_are_nested_beyond_reason_are_refused_and_disturb_no_other(
    shop: Kubectl, depth: int
) -> None:
    listed = [{"name": "x", "type": "list"}]
    shop.apply(workflow("plain", nodes=[task("only")], variables=listed))
    deep = execution("plain", "deep", variables={"x": "NESTED"})
    shop("create", "-f", "-", stdin=nested(deep, depth))
    said = eventually(lambda: _said(shop, "awfx", "deep", "{.status.reason} {.status.message}"))
    assert said.startswith("InvalidVariables spec.variables.x: a value is nested more than 64 deep")
    wrong = workflow("deep", nodes=[{**task("only"), "with": {"text": "NESTED"}}])
    shop("create", "-f", "-", stdin=nested(wrong, depth))
    shop.apply(workflow("after", nodes=[task("only")]))
    ready = '{range .status.conditions[?(@.type=="Ready")]}{.status} {.message}{end}'
    refused = eventually(lambda: _said(shop, "awf", "deep", ready))
    assert refused.startswith("False spec.nodes[0].with.text")
    assert eventually(lambda: _said(shop, "awf", "after", ready)).startswith("True ")


def _said(kubectl: Kubectl, kind: str, name: str, path: str) -> str:
    """A part of an object, which as a whole is nested too deep for the tests as well."""
    return kubectl("get", kind, name, "-o", f"jsonpath={path}").strip()
