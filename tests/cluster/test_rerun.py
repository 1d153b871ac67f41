"""Ended executions run again on a real API server, from where they failed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.twelve_node_workflow import TASK, task
from tests.commandline import CommandLine
from tests.kube import Kubectl, ended, eventually, execution, phases, running_operator, workflow

FIRST_FAILS = "$[[ '1' if execution.name == 'first' else '0' ]]"
CHAIN = workflow(
    "chain",
    variables=[{"name": "number", "type": "integer", "required": True}],
    nodes=[
        task("a", message='{"value": $[[ vars.number ]]}'),
        task("b", code=FIRST_FAILS, message='{"value": $[[ nodes.a.outputs.value + 1 ]]}'),
        task("c", delay="2s"),
    ],
    edges=[{"from": "a", "to": "b"}, {"from": "b", "to": "c"}],
    outputs=[{"name": "sum", "value": "nodes.a.outputs.value + nodes.b.outputs.value"}],
)


@pytest.fixture(scope="module", autouse=True)
def _operator(account: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with running_operator(account, tmp_path_factory.mktemp("operator") / "log"):
        yield


@pytest.fixture
def failed(kubectl: Kubectl) -> Kubectl:
    """A namespace with an execution `first` that failed half way."""
    kubectl.apply(TASK, CHAIN)
    kubectl.create(execution("chain", "first", variables={"number": 20}))
    raw = ended(kubectl, "first")
    assert phases(raw) == {"a": "Succeeded", "b": "Failed", "c": "Skipped"}
    return kubectl


def started(kubectl: Kubectl, name: str) -> Any:
    return kubectl.get("awfx", name).get("status", {}).get("revision")


def test_it_goes_on_where_it_failed_after_its_jobs_and_then_the_source_are_gone(
    failed: Kubectl,
) -> None:
    failed("delete", "jobs", "--all")
    failed.apply(workflow("chain", nodes=[task("other")]))  # what runs is the source's revision
    done = CommandLine(failed.kubeconfig, failed.namespace)("rerun", "first", "--name", "second")
    assert done.stdout == "workflowexecution/second\n"
    eventually(lambda: started(failed, "second"))
    failed("delete", "awfx", "first")
    status = ended(failed, "second")["status"]
    assert status["phase"] == "Succeeded"
    assert status["outputs"] == {"sum": 41}
    assert status["nodes"]["a"]["reason"] == "Reused"
    assert {job["metadata"]["annotations"]["automation.itechsmart.dev/node"]
            for job in failed.get("jobs")["items"]} == {"b", "c"}  # fmt: skip


def test_a_source_that_is_gone_before_the_start_is_said(failed: Kubectl) -> None:
    failed("delete", "awfx", "first")
    failed.create(execution("chain", "second", rerunOf={"name": "first", "from": ["b"]}))
    status = ended(failed, "second")["status"]
    assert (status["phase"], status["reason"]) == ("Failed", "RerunSourceGone")


def test_what_runs_still_is_not_run_again(failed: Kubectl) -> None:
    failed.apply(workflow("slow", nodes=[task("only", delay="10m")]))
    failed.create(execution("slow", "running"))
    eventually(lambda: started(failed, "running"))
    failed.create(execution("slow", "again", rerunOf={"name": "running", "from": ["only"]}))
    status = ended(failed, "again")["status"]
    assert (status["reason"], "running is Running" in status["message"]) == ("InvalidRerun", True)


def test_a_workflow_that_is_gone_or_inactive_is_not_run_again(failed: Kubectl) -> None:
    cli = CommandLine(failed.kubeconfig, failed.namespace)
    failed.apply({**CHAIN, "spec": {**CHAIN["spec"], "state": "Inactive"}})
    refused = cli("rerun", "first")
    assert (refused.returncode, "chain is Inactive" in refused.stderr) == (2, True)
    failed.create(execution("chain", "second", rerunOf={"name": "first", "from": ["b"]}))
    status = ended(failed, "second")["status"]
    assert (status["phase"], status["reason"]) == ("Failed", "WorkflowNotActive")
    failed("delete", "awf", "chain")
    refused = cli("rerun", "first")
    assert (refused.returncode, "Workflow chain no longer exists" in refused.stderr) == (2, True)
    failed.create(execution("chain", "third", rerunOf={"name": "first", "from": ["b"]}))
    status = ended(failed, "third")["status"]
    assert (status["phase"], status["reason"]) == ("Failed", "WorkflowNotFound")
