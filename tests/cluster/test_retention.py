"""The history on a real API server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.twelve_node_workflow import TASK, task
from tests.kube import Kubectl, ended, eventually, execution, manifest, running_operator, workflow


@pytest.fixture(scope="module", autouse=True)
def _operator(account: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with running_operator(account, tmp_path_factory.mktemp("operator") / "log"):
        yield


def test_old_executions_and_their_jobs_go(kubectl: Kubectl) -> None:
    kubectl.apply(TASK, workflow("w", nodes=[task("only")], history={"succeeded": 1}))
    items = {"values": "[1, 2]", "as": "item"}
    each = {"name": "each", "action": "local/command", "forEach": items}
    action = {"image": "example.com/fake:1", "command": ["fake"]}
    kubectl.apply(manifest("Template", "command", {"action": action}))
    history = {"succeeded": 5, "keepJobs": "1s"}
    volume = {"size": "1Mi"}
    kubectl.apply(workflow("short", nodes=[task("only"), each], history=history, workspace=volume))
    for name in ("first", "second"):
        kubectl.create(execution("w", name))
        ended(kubectl, name)
    kubectl.create(execution("short", "third"))
    assert ended(kubectl, "third")["status"]["phase"] == "Succeeded"

    def left() -> bool:
        names = {raw["metadata"]["name"] for raw in kubectl.get("awfx")["items"]}
        jobs = [raw["metadata"] for raw in kubectl.get("jobs")["items"]]
        owners = {metadata["ownerReferences"][0]["name"] for metadata in jobs}
        kept = _items(kubectl) | set(kubectl.names("persistentvolumeclaims"))
        return names == {"second", "third"} and owners == {"second"} and not kept

    eventually(left)
    assert len(kubectl.get("pods")["items"]) == 1


def _items(kubectl: Kubectl) -> set[str]:
    """The ConfigMaps with the items of fan-outs."""
    return set(kubectl.names("configmaps")) - {"kube-root-ca.crt"}
