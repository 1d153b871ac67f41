"""`new`: a Workflow made of a Template of a whole workflow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from tests.kube import ROOT

CATALOG = ROOT / "manifests/catalog"
VALUES = ("--var", "deployment=web", "--var", "url=http://web/healthz")


@pytest.fixture
def catalogue(env: Any) -> Callable[..., Any]:
    """The command line, and a cluster with the shipped Templates."""
    for path in (*CATALOG.glob("actions/*.yaml"), *CATALOG.glob("workflows/*.yaml")):
        raw = yaml.safe_load(path.read_text())
        env.put("ClusterTemplate", raw["metadata"]["name"], "", spec=raw["spec"])
    made: Callable[..., Any] = env
    return made


def test_a_workflow_is_made_of_a_shipped_template(catalogue: Any) -> None:
    done = catalogue("new", "web", "--from", "verify-rollout", *VALUES, "-o", "yaml")
    assert done.code == 0, done.err
    made = yaml.safe_load(done.out)
    assert made["spec"]["title"] == "Verify the rollout of web"
    assert made["spec"]["nodes"][1]["with"] == {"url": "$[[ vars.url ]]"}
    again = catalogue("new", "web", "--from", "verify-rollout", *VALUES)
    assert (again.code, "a Workflow web already exists" in again.err) == (2, True)


def test_a_dry_run_prints_the_manifest_and_makes_nothing(catalogue: Any) -> None:
    arguments = ("new", "web", "--from", "verify-rollout", *VALUES, "--dry-run")
    done = catalogue(*arguments, "-o", "yaml")
    assert done.code == 0, done.err
    assert set(yaml.safe_load(done.out)) == {"apiVersion", "kind", "metadata", "spec"}
    assert catalogue(*arguments).out == "workflow/web\n"
    assert catalogue("get", "workflows", "-o", "name").out == ""


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
    catalogue: Any, arguments: list[str], words: str
) -> None:
    done = catalogue("new", "web", *arguments)
    assert (done.code, words in done.err) == (2, True), done.err
    assert catalogue("get", "workflows", "-o", "name").out == ""
