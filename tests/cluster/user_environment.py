"""An environment with users who authenticate with client certificates."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.engine.people.protection import POLICY_SETTLE_SECONDS
from orchestrator.engine.times import from_rfc3339
from tests.commandline import CommandLine
from tests.kube import Kubectl, eventually, execution, workflow

PATCHES = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRole",
    "metadata": {"name": "patches-only"},
    "rules": [
        {
            "apiGroups": ["automation.itechsmart.dev"],
            "resources": ["workflowexecutions", "workflowexecutions/status"],
            "verbs": ["get", "list", "create", "patch", "update"],
        }
    ],
}


@dataclass(frozen=True)
class UserEnvironment:
    """A namespace, with kubectl and the command line of each person in it."""

    admin: Kubectl
    people: dict[str, Path]

    def __getitem__(self, user: str) -> Kubectl:
        return Kubectl(self.people[user], self.admin.namespace)

    def cli(self, user: str) -> CommandLine:
        return CommandLine(self.people[user], self.admin.namespace)

    def patch(self, user: str, name: str, spec: dict[str, Any]) -> str:
        """Send a merge patch of the spec; returns the error, empty if it was accepted."""
        return self.merge(user, name, {"spec": spec})

    def merge(self, user: str, name: str, body: dict[str, Any], *options: str) -> str:
        """As `patch`, for a patch of any fields and of any length."""
        command = ("patch", "awfx", name, "--type=merge", "--patch-file=/dev/stdin", *options)
        done = self[user].attempt(*command, stdin=json.dumps(body))
        return "" if done.returncode == 0 else done.stderr

    def refused(self, user: str, spec: dict[str, Any], **metadata: Any) -> str:
        """Create an execution; returns the error, empty if it was accepted."""
        raw = execution("ask", "run", **spec)
        raw["metadata"] |= metadata
        done = self[user].attempt("create", "-f", "-", stdin=json.dumps(raw))
        return "" if done.returncode == 0 else done.stderr


def until_in_effect(env: UserEnvironment) -> None:
    """Wait until the API server enforces the policies and the operator trusts their checks."""
    eventually(lambda: "by must be" in write_forged_signal(env))
    stored = env.admin.get("validatingadmissionpolicybindings", "itechsmart-workflow-people")
    created = from_rfc3339(stored["metadata"]["creationTimestamp"])
    eventually(lambda: time.time() > created + POLICY_SETTLE_SECONDS + 1)


def write_forged_signal(env: UserEnvironment) -> str:
    """Send a signal in the name of another user; returns the error, empty if it was accepted."""
    env.admin("delete", "awfx", "probe", "--ignore-not-found")
    env.admin.create(execution("none", "probe"))
    forged = {"signals": [{"id": "1", "name": "go", "by": "nobody"}]}
    body = json.dumps({"spec": forged})
    done = env.admin.attempt("patch", "awfx", "probe", "--type=merge", "-p", body)
    return done.stderr


def start_approval(env: UserEnvironment, **approval: Any) -> None:
    """Start the execution `run` as cas, and wait until it awaits an approval."""
    ask = {"approvers": ["group:sre"], **approval}
    nodes = [{"name": "ask", "approval": ask}, {"name": "done", "transform": {"x": "1"}}]
    env.admin.apply(workflow("ask", nodes=nodes, edges=[{"from": "ask", "to": "done"}]))
    assert env.refused("cas", {"requester": "cas"}) == ""
    eventually(lambda: node(env)["phase"] == "Waiting")


def node(env: UserEnvironment, name: str = "ask") -> dict[str, Any]:
    """The record of a node of `run`."""
    status = env.admin.get("awfx", "run").get("status", {})
    found: dict[str, Any] = status.get("nodes", {}).get(name, {"phase": ""})
    return found


def decision(by: str, verdict: str = "Approve", **more: Any) -> dict[str, Any]:
    """A spec with a decision on `ask`."""
    return {"decisions": [{"node": "ask", "by": by, "decision": verdict, **more}]}
