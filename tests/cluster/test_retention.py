"""The history on a real API server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.twelve import TASK, task
from tests.kube import Kubectl, ended, eventually, execution, running_operator, workflow


@pytest.fixture(scope="module", autouse=True)
def _operator(account: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with running_operator(account, tmp_path_factory.mktemp("operator") / "log"):
        yield


def test_old_executions_and_their_jobs_go(kubectl: Kubectl) -> None:
    kubectl.apply(TASK, workflow("w", nodes=[task("only")], history={"succeeded": 1}))
    kubectl.apply(
        workflow("short", nodes=[task("only")], history={"succeeded": 5, "keepJobs": "1s"})
    )
    for name in ("first", "second"):
        kubectl.create(execution("w", name))
        ended(kubectl, name)
    kubectl.create(execution("short", "third"))
    ended(kubectl, "third")

    def left() -> bool:
        names = {raw["metadata"]["name"] for raw in kubectl.get("awfx")["items"]}
        jobs = [raw["metadata"] for raw in kubectl.get("jobs")["items"]]
        owners = {metadata["ownerReferences"][0]["name"] for metadata in jobs}
        return names == {"second", "third"} and owners == {"second"}

    eventually(left)
    assert len(kubectl.get("pods")["items"]) == 1
