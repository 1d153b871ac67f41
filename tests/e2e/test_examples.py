"""Every example runs on a real cluster as its first lines say, and can be explained."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.commandline import CommandLine
from tests.kube import ROOT, Kubectl, Operator, ended, execution, phases
from tests.runner import allow_runner

EXAMPLES = ROOT / "manifests" / "examples"
ELSEWHERE = {"incident-response", "approval", "wait"}
"""Run by tests of their own: with a service that is ill, and with people."""


@pytest.fixture
def cluster(kubectl: Kubectl, operator: Operator) -> Kubectl:
    """A namespace in which shipped actions may work; the operator runs."""
    assert operator.pid
    allow_runner(kubectl)
    return kubectl


def start(kubectl: Kubectl, example: str, name: str = "run") -> None:
    kubectl("apply", "--server-side", "-f", str(EXAMPLES / f"{example}.yaml"))
    kubectl.create(execution(example, name))


Check = Callable[[dict[str, Any]], object]
RUNS: dict[str, Check] = {
    "condition": lambda raw: (
        phases(raw)["at_once"] == "Skipped"
        and raw["status"]["nodes"]["report"]["outputs"]["stdout"].strip() == "done with 12 items"
    ),
    "delay-and-transform": lambda raw: (
        raw["status"]["outputs"] == {"web": ["web-1", "web-2"], "count": 3}
    ),
    "sub-workflow": lambda raw: (
        raw["status"]["outputs"]["urls"]
        == [f"https://{region}.example.com" for region in ("eu-1", "us-1", "ap-1", "sa-1")]
    ),
    "fan-out": lambda raw: (
        [said and said.strip() for said in raw["status"]["outputs"]["said"]]
        == ["web-1 is well", "web-2 is well", None, "web-3 is well"]
    ),
    "repeat": lambda raw: raw["status"]["outputs"] == {"rounds": 3},
    "finally": lambda raw: (
        raw["status"]["phase"] == "Failed"
        and raw["status"]["nodes"]["tell"]["outputs"]["stdout"].strip() == "Failed: migrate failed"
    ),
    "errors": lambda raw: (
        raw["status"]["nodes"]["flaky"]["attempts"] == 2
        and phases(raw)
        == {
            "flaky": "Succeeded",
            "optional": "Failed",
            "deploy": "Failed",
            "verify": "Skipped",
            "rollback": "Succeeded",
            "rolled_back": "Failed",
        }
        and raw["status"]["phase"] == "Failed"
        and "the deployment was rolled back" in raw["status"]["message"]
    ),
    "on-failure": lambda raw: (
        phases(raw) == {"check": "Failed", "soak": "Cancelled", "after": "Skipped"}
    ),
    "joins": lambda raw: (
        phases(raw)["from_primary"] == "Skipped"
        and raw["status"]["nodes"]["first_of_two"]["finishedAt"]
        < raw["status"]["nodes"]["slow"]["finishedAt"]
    ),
    "workspace": lambda raw: raw["status"]["outputs"]["built"].strip() == "SOME SOURCE",
    "concurrency": lambda raw: raw["status"]["phase"] == "Succeeded",
}


def test_every_example_is_run_by_a_test() -> None:
    names = {path.stem for path in EXAMPLES.glob("*.yaml")}
    # tests/cluster fires those of Triggers.
    assert {name for name in names if not name.startswith("trigger-")} == set(RUNS) | ELSEWHERE


@pytest.mark.parametrize("example", RUNS)
def test_an_example_runs_as_it_says_and_is_explained(cluster: Kubectl, example: str) -> None:
    start(cluster, example)
    raw = ended(cluster, "run")
    assert RUNS[example](raw), raw["status"]
    told = CommandLine(cluster.kubeconfig, cluster.namespace)("explain", "run")
    assert told.returncode == 0, told.stderr
    head, *nodes = told.stdout.splitlines()
    assert head.startswith(f"run ended {raw['status']['phase']} after ")
    assert [line.split()[0] for line in nodes] == _names(EXAMPLES / f"{example}.yaml", example)


def _names(path: Path, workflow: str) -> list[str]:
    for document in yaml.safe_load_all(path.read_text()):
        if document["metadata"]["name"] == workflow:
            return [node["name"] for node in document["spec"]["nodes"]]
    raise AssertionError(f"{path} has no Workflow {workflow}")
