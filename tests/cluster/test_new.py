"""`orchestrator new` on a real API server, with the shipped Templates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.commandline import CommandLine
from tests.kube import ROOT, Kubectl

CATALOG = ROOT / "manifests/catalog"
VALUES = ("--var", "deployment=web", "--var", "url=http://web/healthz")


@pytest.fixture
def cli(kubectl: Kubectl) -> CommandLine:
    kubectl("apply", "--server-side", "-f", str(CATALOG / "actions"))
    kubectl("apply", "--server-side", "-f", str(CATALOG / "workflows"))
    return CommandLine(kubectl.kubeconfig, kubectl.namespace)


def spec(kubectl: Kubectl, name: str) -> dict[str, Any]:
    found: dict[str, Any] = kubectl.get("workflow", name)["spec"]
    return found


def test_a_workflow_is_made_of_a_shipped_template(kubectl: Kubectl, cli: CommandLine) -> None:
    done = cli("new", "web", "--from", "verify-rollout", *VALUES)
    assert (done.returncode, done.stdout) == (0, "workflow/web\n"), done.stderr
    made = spec(kubectl, "web")
    assert made["title"] == "Verify the rollout of web"
    assert made["nodes"][0]["with"] == {"name": "web", "timeout": "5m"}
    assert made["nodes"][1]["with"] == {"url": "$[[ vars.url ]]"}
    again = cli("new", "web", "--from", "verify-rollout", *VALUES)
    assert (again.returncode, "a Workflow web already exists" in again.stderr) == (2, True)


def test_a_dry_run_prints_what_can_be_applied(
    kubectl: Kubectl, cli: CommandLine, tmp_path: Path
) -> None:
    done = cli("new", "web", "--from", "verify-rollout", *VALUES, "--dry-run", "-o", "yaml")
    assert done.returncode == 0, done.stderr
    assert kubectl.names("workflows") == []
    assert set(yaml.safe_load(done.stdout)) == {"apiVersion", "kind", "metadata", "spec"}
    (tmp_path / "web.yaml").write_text(done.stdout)
    applied = cli("apply", "-f", str(tmp_path))
    assert (applied.returncode, applied.stdout) == (0, "workflow/web created\n"), applied.stderr


def test_a_template_of_the_namespace_is_local(kubectl: Kubectl, cli: CommandLine) -> None:
    workflow = {"nodes": [{"name": "stop", "fail": "$[[ params.why ]]"}]}
    parameters = [{"name": "why", "type": "string", "required": True}]
    body = {"parameters": parameters, "workflow": workflow}
    metadata = {"name": "mine"}
    api = "automation.itechsmart.dev/v1alpha1"
    kubectl.apply({"apiVersion": api, "kind": "Template", "metadata": metadata, "spec": body})
    done = cli("new", "mine", "--from", "local/mine", "--var", "why=$[[ x ]]")
    assert done.returncode == 0, done.stderr
    assert spec(kubectl, "mine")["nodes"][0]["fail"] == "$$[[ x ]]"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--from", "verify-rollout"], "ClusterTemplate verify-rollout: params.deployment: is req"),
        (["--from", "verify-rolout", *VALUES], "did you mean 'verify-rollout'?"),
        (["--from", "rollout-undo"], "is an action, not a whole workflow"),
        (["--from", "verify-rollout", "--var", "deployment"], "write NAME=VALUE"),
        (["--from", "local/verify-rollout", *VALUES], "there is no Template verify-rollout"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_made(
    kubectl: Kubectl, cli: CommandLine, arguments: list[str], words: str
) -> None:
    done = cli("new", "web", *arguments)
    assert (done.returncode, words in done.stderr) == (2, True), done.stderr
    assert kubectl.names("workflows") == []


def test_a_template_is_judged_when_it_is_applied(cli: CommandLine, tmp_path: Path) -> None:
    text = (CATALOG / "workflows/verify-rollout.yaml").read_text()
    wrong = text.replace("action: rollout-undo", "action: rollout-undoo").replace(
        "params.timeout", "params.timeouts"
    )
    (tmp_path / "wrong.yaml").write_text(wrong)
    refused = cli("apply", "-f", str(tmp_path))
    assert refused.returncode == 2
    assert "spec.workflow.nodes[0].with.timeout: there is no parameter" in refused.stderr
    (tmp_path / "wrong.yaml").write_text(wrong.replace("timeouts", "timeout"))
    refused = cli("apply", "-f", str(tmp_path))
    assert "spec.workflow.nodes[2].action: there is no ClusterTemplate" in refused.stderr
    assert "did you mean 'rollout-undo'?" in refused.stderr
