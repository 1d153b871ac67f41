"""`orchestrator lint` on a real API server: what it reads there, and that it changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.commandline import CommandLine
from tests.kube import Kubectl, manifest, workflow

TASK = manifest(
    "Template",
    "task",
    {
        "parameters": [{"name": "text", "type": "string", "required": True}],
        "action": {"image": "fake", "command": ["true"]},
    },
)
DEPLOY = workflow(
    "deploy",
    variables=[{"name": "service", "type": "string", "required": True}],
    nodes=[{"name": "first", "action": "local/task", "with": {"text": "$[[ vars.service ]]"}}],
)


def nightly(**spec: Any) -> dict[str, Any]:
    return manifest(
        "Trigger", "nightly", {"workflow": "deploy", "schedule": {"cron": "0 3 * * *"}, **spec}
    )


@pytest.fixture
def cli(kubectl: Kubectl) -> CommandLine:
    return CommandLine(kubectl.kubeconfig, kubectl.namespace)


def file(tmp_path: Path, *manifests: dict[str, Any]) -> str:
    path = tmp_path / "manifests.yaml"
    path.write_text(yaml.safe_dump_all(manifests))
    return str(path)


def stored(kubectl: Kubectl) -> list[str]:
    """The objects of our kinds that the namespace holds."""
    plurals = ("workflows", "templates", "triggers")
    return [item["metadata"]["name"] for plural in plurals for item in kubectl.get(plural)["items"]]


def test_valid_manifests_are_reported_and_not_stored(
    cli: CommandLine, kubectl: Kubectl, tmp_path: Path
) -> None:
    trigger = nightly(variables={"service": "shop"})
    done = cli("lint", "-f", file(tmp_path, TASK, DEPLOY, trigger))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "template/task: valid\nworkflow/deploy: valid\ntrigger/nightly: valid\n"
    assert stored(kubectl) == []


def test_templates_and_sub_workflows_are_those_of_the_cluster(
    cli: CommandLine, kubectl: Kubectl, tmp_path: Path
) -> None:
    kubectl.apply(TASK, DEPLOY)
    outer = workflow(
        "outer",
        nodes=[
            {"name": "a", "action": "local/task", "with": {"txt": "x"}},
            {"name": "b", "workflow": {"name": "deploy"}},
        ],
    )
    done = cli("lint", "-f", file(tmp_path, outer))
    assert done.returncode == 2
    assert "spec.nodes[0].with.txt: 'local/task' has no parameter 'txt'" in done.stderr
    assert "spec.nodes[1].workflow.variables.service: is required" in done.stderr
    assert "without a cluster" not in done.stderr
    assert done.stdout == "workflow/outer: invalid, 3 errors\n"
    assert sorted(stored(kubectl)) == ["deploy", "task"]


def test_a_trigger_is_checked_against_its_workflow_on_the_cluster(
    cli: CommandLine, kubectl: Kubectl, tmp_path: Path
) -> None:
    kubectl.apply(TASK)
    missing = cli("lint", "-f", file(tmp_path, nightly(variables={"service": "shop"})))
    assert missing.stdout == "trigger/nightly: valid, 1 warning\n"
    assert "there is no Workflow 'deploy' in this namespace" in missing.stderr
    kubectl.apply(DEPLOY)
    wrong = file(tmp_path, nightly(variables={"servce": "shop"}))
    said = (
        "spec.variables.servce: Workflow deploy has no variable 'servce'; did you mean 'service'?"
    )
    for command in ("lint", "apply"):
        done = cli(command, "-f", wrong)
        assert done.returncode == 2
        assert said in done.stderr
    assert sorted(stored(kubectl)) == ["deploy", "task"]
    inactive = {**DEPLOY, "spec": {**DEPLOY["spec"], "state": "Inactive"}}
    beside = cli("lint", "-f", file(tmp_path, inactive, nightly(variables={"service": "shop"})))
    assert beside.returncode == 0
    assert "set spec.state of Workflow deploy to Active" in beside.stderr


def test_a_cluster_that_does_not_answer_is_said_and_the_rest_is_checked(
    cli: CommandLine, tmp_path: Path
) -> None:
    config = yaml.safe_load(Path(cli.kubeconfig).read_text())
    config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(config))
    away = CommandLine(tmp_path / "kubeconfig", cli.namespace)
    done = away("lint", "-f", file(tmp_path, DEPLOY))
    assert done.returncode == 0
    assert "not checked, without a cluster: action local/task" in done.stderr
    assert "checked without a cluster (the API server at https://127.0.0.1:1" in done.stderr
