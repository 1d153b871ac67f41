"""Edited lists of concurrency slots neither replace nor hold up other executions."""

from __future__ import annotations

import hashlib
import json

import pytest

from tests.simulation.faults import FaultyTransport
from tests.simulation.operator_harness import manifest, run_to_end, store_with
from tests.simulation.scenario import NAMESPACE
from tests.simulation.store import Store

TASK = {"nodes": [{"name": "task", "action": "local/task"}]}
HELD = {"nodes": [{"name": "held", "wait": {"signal": "go"}, "timeout": "2h"}]}


def edited(policy: str) -> Store:
    """`run` may run once; its list names an execution of another workflow a thousand times."""
    main = {**TASK, "concurrency": {"policy": policy, "limit": 1}}
    store = store_with(manifest("Workflow", "main", main), manifest("Workflow", "other", HELD))
    store.create("workflowexecutions", NAMESPACE, manifest("WorkflowExecution", "theirs", "other"))
    uid = store.objects["workflowexecutions", NAMESPACE, "theirs"]["metadata"]["uid"]
    digest = hashlib.blake2b(b"workflow main\0", digest_size=16).hexdigest()
    holders = json.dumps([{"uid": uid, "name": "theirs"}] * 1000)
    list_ = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": f"slots-{digest}", "namespace": NAMESPACE},
        "data": {"admitted": holders},
    }
    store.create("configmaps", NAMESPACE, list_)
    return store


@pytest.mark.parametrize("policy", ["Queue", "Forbid", "Replace"])
async def test_an_edited_list_replaces_and_holds_up_no_execution_of_another_workflow(
    policy: str,
) -> None:
    store = edited(policy)
    raw = await run_to_end(store, FaultyTransport(store))
    assert raw["status"]["phase"] == "Succeeded"
    theirs = store.objects["workflowexecutions", NAMESPACE, "theirs"]["status"]
    assert theirs["phase"] == "Running"
    assert "cancelRequested" not in theirs
