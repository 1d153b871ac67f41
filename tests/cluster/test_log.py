"""The operator's log on a real API server: JSON lines, and the key of an execution as a field."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.twelve_node_workflow import TASK, task
from tests.kube import Kubectl, Operator, ended, execution, running_operator, workflow

RETRY = {"limit": 1, "backoff": {"initial": "2s"}}


@pytest.fixture(scope="module")
def operator(account: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    """An operator with the rights of the installation that logs JSON at debug level."""
    options = ("--log-format=json", "--log-level=debug")
    with running_operator(account, tmp_path_factory.mktemp("operator") / "log", *options) as one:
        yield one


def test_the_log_of_one_key_says_why_a_node_was_retried(
    kubectl: Kubectl, operator: Operator
) -> None:
    kubectl.apply(TASK)
    kubectl.apply(workflow("flaky", nodes=[{**task("check", failing=1), "retry": RETRY}]))
    for number in (1, 2):
        kubectl.create(execution("flaky", f"flaky-{number}"))
    assert ended(kubectl, "flaky-1")["status"]["phase"] == "Succeeded"
    lines = [json.loads(line) for line in operator.log.read_text().splitlines()]
    key = f"{kubectl.namespace}/flaky-1"
    log = "\n".join(line["message"] for line in lines if line.get("execution") == key)
    assert "observed node check, attempt 1: Failed, reason Failed" in log
    assert "→ Waiting, reason Backoff: attempt 1 of 2: " in log
    assert "decided: create the Job of node check, attempt 2, once that is stored" in log
    assert "flaky-2" not in log
    assert not [line for line in lines if line["logger"].startswith("kopf")]
