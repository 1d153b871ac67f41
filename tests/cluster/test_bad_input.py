"""What cannot be right is refused with its reason, its place and in words, and makes no Job."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dev.cluster.api import Cluster
from tests.cluster.twelve_node_workflow import TASK, jobs_created, task
from tests.conftest import fresh_namespace
from tests.kube import (
    Kubectl,
    ended,
    eventually,
    execution,
    manifest,
    running_operator,
    workflow,
)

ONLY = [task("only")]
PAIR: dict[str, Any] = {"edges": [{"from": "first", "to": "second"}]}
SECRET = {"name": "token", "type": "secret", "secretKeyRef": {"name": "s", "key": "k"}}

INVALID: dict[str, tuple[dict[str, Any], str]] = {
    "unknown-variable": (
        {"nodes": [task("only", message="$[[ vars.nmae ]]")],
         "variables": [{"name": "name", "type": "string"}]},
        "spec.nodes[0].with.message",
    ),
    "syntax": ({"nodes": [{"name": "only", "condition": "1 +"}]}, "spec.nodes[0].condition"),
    "unknown-parameter": ({"nodes": [task("only", mesage="x")]}, "spec.nodes[0].with.mesage"),
    "wrong-type": (
        {"nodes": [{**task("only"), "with": {"message": 5}}]}, "spec.nodes[0].with.message",
    ),
    "not-upstream": (
        {"nodes": [task("first", message="$[[ nodes.second.phase ]]"), task("second")]},
        "spec.nodes[0].with.message",
    ),
    "unknown-output": (
        {"nodes": [task("first"), task("second", message="$[[ nodes.first.outputs.vlaue ]]")],
         **PAIR},
        "spec.nodes[1].with.message",
    ),
    "unknown-node": (
        {"nodes": ONLY, "outputs": [{"name": "x", "value": "nodes.onyl.phase"}]},
        "spec.outputs[0].value",
    ),
    "no-else": (
        {"nodes": [task("first"), task("second")],
         "edges": [{"from": "first", "to": "second", "outcome": "Else"}]},
        "spec.edges[0].outcome",
    ),
    "secret-in-text": (
        {"nodes": [task("only", message="token $[[ vars.token ]]")], "variables": [SECRET]},
        "spec.nodes[0].with.message",
    ),
}  # fmt: skip
"""A workflow's spec that the schema takes, and the path that the refusal must name."""

VARIABLES = [
    {"name": "name", "type": "string", "required": True, "pattern": "[a-z]+"},
    {"name": "count", "type": "integer", "default": 1, "maximum": 5},
    SECRET,
]
WRONG_VARIABLES: dict[str, tuple[dict[str, Any], str]] = {
    "missing": ({}, "spec.variables.name"),
    "mistyped": ({"name": "a", "count": "many"}, "spec.variables.count"),
    "too-large": ({"name": "a", "count": 6}, "spec.variables.count"),
    "no-match": ({"name": "A-1"}, "spec.variables.name"),
    "undeclared": ({"name": "a", "nmae": "a"}, "spec.variables.nmae"),
    "a-secret": ({"name": "a", "token": "x"}, "spec.variables.token"),
}


@dataclass(frozen=True)
class Refused:
    """All of it as it stood once every execution had ended."""

    workflows: dict[str, dict[str, Any]]
    executions: dict[str, dict[str, Any]]
    jobs: int

    def conditions(self, name: str) -> dict[str, dict[str, Any]]:
        """A Workflow's conditions by type."""
        return {item["type"]: item for item in self.workflows[name]["status"]["conditions"]}

    def check_workflow(self, name: str, reason: str, path: str) -> None:
        """The Workflow is stalled with this reason and path, and its execution says the same."""
        conditions, status = self.conditions(name), self.executions[name]["status"]
        assert (conditions["Ready"]["status"], conditions["Stalled"]["status"]) == ("False", "True")
        assert conditions["Ready"]["reason"] == conditions["Stalled"]["reason"] == reason
        assert conditions["Stalled"]["message"].startswith(f"{path}: ")
        assert (status["phase"], status["reason"]) == ("Failed", reason)
        assert status["message"] == conditions["Stalled"]["message"]
        assert self.jobs == 0


@pytest.fixture(scope="module")
def looked_after(
    kubeconfig: Path, account: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Kubectl]:
    """A namespace with the action `local/task`, and an operator for it alone."""
    kubectl = fresh_namespace(Kubectl(kubeconfig))
    kubectl.apply(TASK)
    log = tmp_path_factory.mktemp("operator") / "log"
    with running_operator(account, log, f"--namespace={kubectl.namespace}"):
        yield kubectl


@pytest.fixture(scope="module")
def refused(looked_after: Kubectl, api_cluster: Cluster) -> Refused:
    """Every wrong workflow with an execution, and a right one with wrong variables."""
    kubectl = looked_after
    wrong = {name: spec for name, (spec, _) in INVALID.items()}
    kubectl.apply(
        *(workflow(name, **spec) for name, spec in wrong.items()),
        workflow("greet", nodes=ONLY, variables=VARIABLES),
        *(execution(name, name) for name in wrong),
        *(
            execution("greet", f"greet-{name}", variables=given)
            for name, (given, _) in WRONG_VARIABLES.items()
        ),
    )

    def settled() -> Refused:
        workflows = _by_name(kubectl, "awf")
        executions = _by_name(kubectl, "awfx")
        assert all(raw.get("status", {}).get("conditions") for raw in workflows.values())
        assert all("finishedAt" in raw.get("status", {}) for raw in executions.values())
        jobs = sum(jobs_created(api_cluster.audit_log, kubectl.namespace).values())
        return Refused(workflows, executions, jobs)

    found: Refused = eventually(settled)
    return found


def _by_name(kubectl: Kubectl, kind: str) -> dict[str, dict[str, Any]]:
    return {raw["metadata"]["name"]: raw for raw in kubectl.get(kind)["items"]}


@pytest.mark.parametrize("name", INVALID)
def test_a_workflow_that_cannot_be_valid_says_where(refused: Refused, name: str) -> None:
    refused.check_workflow(name, "InvalidSpec", INVALID[name][1])


@pytest.mark.parametrize("name", WRONG_VARIABLES)
def test_wrong_variables_are_named(refused: Refused, name: str) -> None:
    status = refused.executions[f"greet-{name}"]["status"]
    assert (status["phase"], status["reason"]) == ("Failed", "InvalidVariables")
    assert status["message"].startswith(f"{WRONG_VARIABLES[name][1]}: ")
    assert refused.conditions("greet")["Ready"]["status"] == "True"
    assert refused.jobs == 0


def test_outputs_that_were_cut_off_are_too_large(refused: Refused, looked_after: Kubectl) -> None:
    assert refused.jobs == 0
    kubectl = looked_after
    kubectl.apply(
        workflow("wordy", nodes=[task("only", message='{"value": "' + "a" * 5000 + '"}')])
    )
    kubectl.create(execution("wordy", "wordy"))
    record = ended(kubectl, "wordy")["status"]["nodes"]["only"]
    assert (record["phase"], record["reason"]) == ("Failed", "OutputsTooLarge")
    assert "4,096" in record["message"]


UNPULLABLE = manifest(
    "Template",
    "unpullable",
    {
        "action": {
            "image": "example.com/nothing:1",
            "env": [{"name": "FAKE_IMAGE_ERROR", "value": "ErrImagePull"}],
        }
    },
)


@pytest.mark.parametrize(
    ("name", "spec", "reason", "words"),
    [
        (
            "unpullable",
            {"nodes": [{"name": "only", "action": "local/unpullable"}]},
            "ImagePull",
            "example.com/nothing:1",
        ),
        ("nowhere", {"nodes": ONLY, "pod": {"nodeSelector": {"no": "such"}}}, "Unschedulable", ""),
    ],
)
def test_a_pod_that_cannot_start_says_why_and_can_be_cancelled(
    looked_after: Kubectl, name: str, spec: dict[str, Any], reason: str, words: str
) -> None:
    kubectl = looked_after
    kubectl.apply(UNPULLABLE, workflow(name, **spec))
    kubectl.create(execution(name, name))

    def told() -> str:
        nodes = kubectl.get("awfx", name).get("status", {}).get("nodes", {})
        record = nodes.get("only", {})
        assert record.get("reason") == reason
        message: str = record["message"]
        return message

    assert words in eventually(told, 30)
    kubectl("patch", "awfx", name, "--type=merge", "-p", '{"spec":{"desiredState":"Cancelled"}}')
    assert ended(kubectl, name)["status"]["phase"] == "Cancelled"
