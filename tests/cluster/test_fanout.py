"""Fan-outs on a real API server: one Job, a few bytes of status, whatever the number of items."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dev.cluster.api import Cluster
from tests.cluster.twelve_node_workflow import TASK, jobs_created, task
from tests.kube import (
    Kubectl,
    ended,
    eventually,
    execution,
    phases,
    running_operator,
    workflow,
)


@pytest.fixture(scope="module", autouse=True)
def _operator(account: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with running_operator(account, tmp_path_factory.mktemp("operator") / "log"):
        yield


@pytest.fixture
def shop(kubectl: Kubectl) -> Kubectl:
    """A namespace with actions whose items end at once, and late."""
    action = {
        "image": "example.com/fake:1",
        "command": ["fake"],
        "env": [
            {"name": "FAKE_DELAY", "value": "10m"},
            {"name": "FAKE_MESSAGE", "value": '{"value": 7}'},
        ],
    }
    spec = {**TASK["spec"], "action": action}
    quick = {**action, "env": action["env"][1:]}
    kubectl.apply(
        TASK,
        {**TASK, "metadata": {"name": "quick"}, "spec": {**spec, "action": quick}},
        {**TASK, "metadata": {"name": "slow"}, "spec": spec},
    )
    return kubectl


def each(action: str, **fields: Any) -> dict[str, Any]:
    return {
        "name": "each",
        "action": f"local/{action}",
        "with": {"message": "$[[ item ]]"},
        "forEach": {"values": "vars.items", "as": "item", "parallelism": 100, **fields},
    }


ITEMS = [{"name": "items", "type": "list", "default": []}]


def test_five_hundred_items_are_one_job_and_a_few_bytes(
    shop: Kubectl, api_cluster: Cluster
) -> None:
    nodes = [each("quick", gather=["value"]), task("after")]
    shop.apply(
        workflow("fan", variables=ITEMS, nodes=nodes, edges=[{"from": "each", "to": "after"}])
    )
    names = [f"item {i}" for i in range(500)]
    shop.create(execution("fan", "run", variables={"items": names}))
    status = ended(shop, "run", within=180)["status"]
    record = status["nodes"]["each"]
    assert (record["items"], record["completed"]) == (500, "0-499")
    assert record["outputs"]["value"] == [7] * 500
    assert status["nodes"]["after"]["phase"] == "Succeeded"
    record.pop("outputs")
    assert len(json.dumps(record)) < 500
    assert set(jobs_created(api_cluster.audit_log, shop.namespace).values()) == {1}
    (items,) = [
        raw
        for raw in shop.get("configmaps")["items"]
        if raw["metadata"]["name"] != "kube-root-ca.crt"
    ]
    assert sorted(items["data"]) == [f"items-{n}" for n in range(5)]
    assert items["metadata"]["ownerReferences"][0]["kind"] == "WorkflowExecution"


def test_an_empty_list_makes_no_job(shop: Kubectl) -> None:
    shop.apply(workflow("fan", variables=ITEMS, nodes=[each("quick")]))
    shop.create(execution("fan", "run"))
    assert phases(ended(shop, "run")) == {"each": "Succeeded"}
    assert not shop.get("jobs")["items"]


def test_cancelling_stops_all_items(shop: Kubectl) -> None:
    shop.apply(workflow("fan", variables=ITEMS, nodes=[each("slow")]))
    shop.create(execution("fan", "run", variables={"items": ["x"] * 20}))
    eventually(lambda: shop.get("pods")["items"])
    shop("patch", "awfx", "run", "--type=merge", "-p", '{"spec":{"desiredState":"Cancelled"}}')
    raw = ended(shop, "run")
    assert raw["status"]["phase"] == "Cancelled"
    assert phases(raw) == {"each": "Cancelled"}
    eventually(lambda: not shop.get("pods")["items"])
