"""Every kind of node and every end on a real API server, beside the actions of test_runs."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from dev.cluster.api import Cluster
from tests.cluster.twelve_node_workflow import TASK, jobs_created, task
from tests.kube import Kubectl, ended, eventually, execution, phases, running_operator, workflow

FAILS = {"code": "1"}


@pytest.fixture(scope="module", autouse=True)
def _operator(account: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with running_operator(account, tmp_path_factory.mktemp("operator") / "log"):
        yield


@pytest.fixture
def shop(kubectl: Kubectl) -> Kubectl:
    """A namespace with the action `local/task`."""
    kubectl.apply(TASK)
    return kubectl


def desire(kubectl: Kubectl, name: str, state: str) -> None:
    patch = f'{{"spec":{{"desiredState":"{state}"}}}}'
    kubectl("patch", "awfx", name, "--type=merge", "-p", patch)


def node(kubectl: Kubectl, name: str, node: str) -> dict[str, Any]:
    """A node's record; empty before it has one."""
    record: dict[str, Any] = (
        kubectl.get("awfx", name).get("status", {}).get("nodes", {}).get(node, {})
    )
    return record


def children(kubectl: Kubectl, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        raw
        for raw in kubectl.get("awfx")["items"]
        if raw["spec"].get("parent", {}).get("name") == name
    ]
    return found


CHILD = workflow(
    "child",
    variables=[{"name": "number", "type": "integer", "required": True}],
    nodes=[{"name": "double", "transform": {"value": "vars.number + vars.number"}}, task("work")],
    edges=[{"from": "double", "to": "work"}],
    outputs=[{"name": "doubled", "value": "nodes.double.outputs.value"}],
)


def test_final_nodes_run_after_a_failure_and_the_failure_stands(shop: Kubectl) -> None:
    shop.apply(
        workflow(
            "final",
            nodes=[
                task("broken", **FAILS),
                {"name": "seen", "transform": {"phase": "execution.phase"}},
                task("tell"),
            ],
            **{"finally": ["seen", "tell"]},
        )
    )
    shop.create(execution("final", "run"))
    status = ended(shop, "run")["status"]
    assert status["phase"] == "Failed"
    assert status["nodes"]["seen"]["outputs"] == {"phase": "Failed"}
    assert status["nodes"]["tell"]["phase"] == "Succeeded"
    assert status["settled"]["phase"] == "Failed"


def test_a_sub_workflow_is_frozen_with_its_parent_and_hands_back_its_outputs(
    shop: Kubectl, api_cluster: Cluster
) -> None:
    shop.apply(
        CHILD,
        workflow(
            "parent",
            nodes=[
                task("first", delay="3s"),
                {"name": "sub", "workflow": {"name": "child", "variables": {"number": 21}}},
            ],
            edges=[{"from": "first", "to": "sub"}],
            outputs=[{"name": "answer", "value": "nodes.sub.outputs.doubled"}],
        ),
    )
    shop.create(execution("parent", "run"))
    eventually(lambda: shop.get("awfx", "run").get("status", {}).get("revision"))
    shop("delete", "awf", "child")
    status = ended(shop, "run")["status"]
    assert status["outputs"] == {"answer": 42}
    (child,) = children(shop, "run")
    assert child["metadata"]["name"] == status["nodes"]["sub"]["execution"]
    assert child["metadata"]["ownerReferences"][0]["name"] == "run"
    assert child["spec"]["parent"]["depth"] == 1
    assert set(jobs_created(api_cluster.audit_log, shop.namespace).values()) == {1}


def test_pause_and_cancel_reach_a_sub_workflow_and_the_parent_waits_for_it(shop: Kubectl) -> None:
    slow = workflow("slow", nodes=[task("work", delay="10m")])
    shop.apply(slow, workflow("parent", nodes=[{"name": "sub", "workflow": {"name": "slow"}}]))
    shop.create(execution("parent", "run"))
    eventually(lambda: children(shop, "run") and children(shop, "run")[0].get("status"))

    def child() -> dict[str, Any]:
        return children(shop, "run")[0]

    desire(shop, "run", "Paused")
    eventually(lambda: child()["status"]["phase"] == "Paused")
    desire(shop, "run", "Running")
    eventually(lambda: child()["status"]["phase"] == "Running")
    desire(shop, "run", "Cancelled")
    raw = ended(shop, "run")
    assert raw["status"]["phase"] == "Cancelled"
    assert child()["status"]["phase"] == "Cancelled"
    assert child()["status"]["finishedAt"] <= raw["status"]["finishedAt"]


def test_a_sub_workflow_that_was_cancelled_or_deleted_fails_its_node(shop: Kubectl) -> None:
    slow = workflow("slow", nodes=[task("work", delay="10m")])
    shop.apply(slow, workflow("parent", nodes=[{"name": "sub", "workflow": {"name": "slow"}}]))

    def begun(name: str) -> object:
        return node(shop, name, "sub").get("execution")

    for name in ("cancelled", "deleted"):
        shop.create(execution("parent", name))
        eventually(partial(begun, name))
    desire(shop, node(shop, "cancelled", "sub")["execution"], "Cancelled")
    shop("delete", "awfx", node(shop, "deleted", "sub")["execution"])
    assert ended(shop, "cancelled")["status"]["nodes"]["sub"]["reason"] == "SubWorkflowCancelled"
    assert ended(shop, "deleted")["status"]["nodes"]["sub"]["reason"] == "SubWorkflowDeleted"


def test_workflows_that_contain_themselves_end_at_depth_eight(shop: Kubectl) -> None:
    shop.apply(workflow("endless", nodes=[{"name": "again", "workflow": {"name": "endless"}}]))
    shop.create(execution("endless", "run"))
    assert ended(shop, "run")["status"]["phase"] == "Failed"
    depths = [raw["spec"].get("parent", {}).get("depth", 0) for raw in shop.get("awfx")["items"]]
    assert sorted(depths) == list(range(9))
    deepest = next(
        raw for raw in shop.get("awfx")["items"] if raw["spec"].get("parent", {}).get("depth") == 8
    )
    assert deepest["status"]["nodes"]["again"]["reason"] == "DepthExceeded"


def test_a_wrong_variable_of_a_sub_workflow_is_refused_before_anything_runs(shop: Kubectl) -> None:
    sub = {"name": "sub", "workflow": {"name": "child", "variables": {"numbr": 1}}}
    shop.apply(CHILD, workflow("parent", nodes=[task("first"), sub]))
    shop.create(execution("parent", "run"))
    status = ended(shop, "run")["status"]
    assert status["reason"] == "InvalidSpec"
    assert "spec.nodes[1].workflow.variables.numbr" in status["message"]
    assert "nodes" not in status


def test_a_repeat_ends_when_its_until_holds(shop: Kubectl) -> None:
    again = {**task("again"), "repeat": {"until": "nodes.again.attempts >= 3", "limit": 5}}
    shop.apply(workflow("patient", nodes=[again]))
    shop.create(execution("patient", "run"))
    raw = ended(shop, "run")
    assert phases(raw) == {"again": "Succeeded"}
    record = raw["status"]["nodes"]["again"]
    assert (record["attempts"], record["iteration"]) == (3, 2)


def test_on_failure_stop_and_cancel_start_no_handler(shop: Kubectl) -> None:
    nodes = [task("broken", **FAILS), task("slow", delay="10m"), task("rescue")]
    edges = [{"from": "slow", "to": "rescue", "outcome": "Always"}]
    shop.apply(workflow("strict", nodes=nodes, edges=edges, onFailure="Cancel"))
    shop.create(execution("strict", "run"))
    raw = ended(shop, "run")
    assert raw["status"]["phase"] == "Failed"
    assert phases(raw) == {"broken": "Failed", "slow": "Cancelled", "rescue": "Skipped"}
    assert raw["status"]["nodes"]["slow"]["reason"] == "FailureCancelled"


def test_a_fan_out_over_a_sub_workflow_gathers_its_outputs(shop: Kubectl) -> None:
    each: dict[str, Any] = {"as": "item", "parallelism": 3, "gather": ["doubled"]}
    each["values"] = "[0, 1, 2, 3, 4, 5, 6]"
    shop.apply(
        CHILD,
        workflow(
            "many",
            nodes=[
                {
                    "name": "each",
                    "workflow": {"name": "child", "variables": {"number": "$[[ item ]]"}},
                    "forEach": each,
                }
            ],
        ),
    )
    shop.create(execution("many", "run"))
    record = ended(shop, "run")["status"]["nodes"]["each"]
    assert record["phase"] == "Succeeded", record
    assert record["outputs"]["doubled"] == [0, 2, 4, 6, 8, 10, 12]
    assert (record["items"], record["completed"]) == (7, "0-6")
    assert len(children(shop, "run")) == 7
