"""Runs actions with the service account of a namespace's workflows."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from orchestrator.actions.main import run
from orchestrator.jobs.attempt import ExecutionIdentity, NodeJob
from orchestrator.jobs.context import context_variables
from tests import leaks
from tests.kube import ROOT, Kubectl


@dataclass(frozen=True)
class Ended:
    """How an action ended: its exit code, its outputs, or its words when it failed."""

    code: int
    outputs: dict[str, Any]
    message: str


@dataclass(frozen=True)
class Runner:
    """Runs actions as a Job of the namespace would, with the runner's rights only."""

    kubeconfig: Path
    namespace: str
    folder: Path

    def __call__(
        self, action: str, /, uid: str = "u1", attempt: int = 1, **parameters: Any
    ) -> Ended:
        """Run an action as one attempt of a node of the execution with that uid."""
        path = self.folder / "outputs"
        code = run(
            action,
            {
                "KUBECONFIG": str(self.kubeconfig),
                "PARAMS": json.dumps(parameters),
                "OUTPUTS": str(path),
                "CONTEXT": context(self.namespace, uid, attempt),
            },
        )
        text = path.read_text()
        leaks.refuse(f"the termination message of {action}", text)
        return Ended(code, json.loads(text) if code == 0 else {}, "" if code == 0 else text)


def context(namespace: str, uid: str, attempt: int = 1) -> str:
    """The CONTEXT of an attempt of a node of the execution with that uid."""
    execution = ExecutionIdentity("run", namespace, uid, "respond")
    job = NodeJob("node", attempt, 0, {}, 60)
    return str(context_variables(job, execution, fan_out=False)[-1]["value"])


def allow_runner(kubectl: Kubectl, *families: str) -> None:
    """Let the namespace's workflows use the routine actions and those of further families, as
    manifests/namespace says."""
    kubectl("apply", "--server-side", "-f", str(ROOT / "manifests/install/runner-rbac.yaml"))
    kubectl("apply", "-k", str(ROOT / "manifests/namespace"))
    for role in ("automation-runner", *(f"automation-runner-{family}" for family in families)):
        kubectl(
            "create", "rolebinding", role, f"--clusterrole={role}",
            f"--serviceaccount={kubectl.namespace}:automation-runner",
        )  # fmt: skip


def make_runner(kubectl: Kubectl, folder: Path, *families: str) -> Runner:
    """A runner with a token of the namespace's service account, which is allowed the routine
    actions and those of further families."""
    allow_runner(kubectl, *families)
    return runner_of(kubectl, folder)


def runner_of(kubectl: Kubectl, folder: Path) -> Runner:
    """A runner with a token of the namespace's service account as it is."""
    token = kubectl("create", "token", "automation-runner").strip()
    config = yaml.safe_load(kubectl.kubeconfig.read_text())
    config["users"] = [{"name": config["users"][0]["name"], "user": {"token": token}}]
    path = folder / "runner.kubeconfig"
    path.write_text(yaml.safe_dump(config))
    path.chmod(0o600)
    return Runner(path, kubectl.namespace, folder)
