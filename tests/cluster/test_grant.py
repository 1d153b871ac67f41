"""`orchestrator grant`: what it prints is what the actions need on a real API server, no verb less
and none more."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestrator.actions.action import PERMANENT
from tests.cluster.workloads import deploy
from tests.commandline import CommandLine
from tests.kube import Kubectl, eventually
from tests.runner import Runner, runner_of

WORKFLOW = """
apiVersion: automation.itechsmart.dev/v1alpha1
kind: Workflow
metadata: {name: respond}
spec:
  nodes:
    - {name: open, action: incident-create, with: {title: web is slow}}
    - {name: undo, action: rollout-undo, with: {name: web}}
  edges:
    - {from: open, to: undo}
"""
NEEDED = [
    ("automation.itechsmart.dev", "incidents", "create"),
    ("automation.itechsmart.dev", "incidents", "get"),
    ("automation.itechsmart.dev", "incidents", "patch"),
    ("apps", "deployments", "get"),
    ("apps", "deployments", "patch"),
    ("apps", "replicasets", "list"),
]
NOT_NEEDED = [
    ("automation.itechsmart.dev", "incidents", "delete"),
    ("apps", "deployments", "list"),
    ("apps", "statefulsets", "get"),
    ("", "pods", "list"),
    ("", "secrets", "get"),
]


def printed(kubectl: Kubectl) -> list[dict[str, Any]]:
    """The manifests that `grant` prints for the workflow."""
    orchestrator = CommandLine(kubectl.kubeconfig, kubectl.namespace)
    done = orchestrator("grant", "-f", "-", "--offline", stdin=WORKFLOW)
    assert (done.returncode, done.stderr) == (0, "")
    return list(yaml.safe_load_all(done.stdout))


def may(kubectl: Kubectl, right: tuple[str, str, str]) -> bool:
    """Whether the runner's account has a right in its namespace, as the API server says."""
    group, resource, verb = right
    attributes = {
        "namespace": kubectl.namespace,
        "group": group,
        "resource": resource,
        "verb": verb,
    }
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    account = f"system:serviceaccount:{kubectl.namespace}:automation-runner"
    answer = kubectl(
        "create",
        "--validate=false",
        "-f",
        "-",
        "-o",
        "json",
        f"--as={account}",
        stdin=json.dumps(review),
    )
    allowed: bool = json.loads(answer)["status"]["allowed"]
    return allowed


@pytest.fixture
def runner(kubectl: Kubectl, tmp_path: Path) -> Runner:
    """The actions of the workflow as the account that was granted their rights."""
    kubectl.apply(*printed(kubectl))
    eventually(lambda: may(kubectl, NEEDED[-1]))
    return runner_of(kubectl, tmp_path)


def test_a_workflow_is_granted_what_its_actions_need_and_no_more(
    kubectl: Kubectl, runner: Runner
) -> None:
    assert [right for right in NEEDED if not may(kubectl, right)] == []
    assert [right for right in NOT_NEEDED if may(kubectl, right)] == []
    assert runner("incident-create", title="web is slow").code == 0
    deploy(kubectl, "v1")
    deploy(kubectl, "v2")
    assert runner("rollout-undo", name="web").outputs["toRevision"] == 1
    refused = runner("pod-logs", name="web")
    assert (refused.code, "cannot get resource" in refused.message) == (PERMANENT, True)


@pytest.mark.parametrize("verb", ["get", "patch"])
def test_one_verb_less_fails_the_action(kubectl: Kubectl, runner: Runner, verb: str) -> None:
    deploy(kubectl, "v1")
    deploy(kubectl, "v2")
    (role,) = (
        one
        for one in printed(kubectl)
        if (one["kind"], one["metadata"]["name"]) == ("Role", "automation-runner:rollout-undo")
    )
    for rule in role["rules"]:
        if "deployments" in rule["resources"]:
            rule["verbs"].remove(verb)
    kubectl.apply(role)
    eventually(lambda: not may(kubectl, ("apps", "deployments", verb)))
    refused = runner("rollout-undo", name="web")
    assert (refused.code, f"cannot {verb} resource" in refused.message) == (PERMANENT, True)
