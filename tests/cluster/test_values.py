"""Values come through a real API server, the operator and the command line as they were written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.roles_environment import roles_environment
from tests.cluster.user_environment import UserEnvironment
from tests.commandline import CommandLine
from tests.kube import Kubectl, ended, eventually, execution, workflow
from tests.kubectl_yaml import ask_kubectl, read_table

TEXTS = {
    "emoji": "Deploy 🚀",
    "del": "a\x7fb",
    "nel": "a\x85b",
    "c1": "a\x9b2Jb",
    "separators": "a\u2028b\u2029c",
    "noncharacters": "\ufffe\uffff\U0001fffe",
    "bom": "\ufeffa",
    "controls": "".join(map(chr, range(1, 32))),
    "nul": "a\0b",
    "bidirectional": "a\u202eb\u2066c",
    "yaml": "# no: comment\n- 'a' \"b\" \\ 0o17",
    "k" * 1500: "a long key",
    "🚀\x85": "a key",
}

NULLS = {"null": None, "deep": {"null": None, "list": [None, {"null": None}, 0]}}
VALUES: dict[str, Any] = {**TEXTS, **NULLS}


@pytest.fixture(scope="module")
def env(
    kubeconfig: Path, account: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[UserEnvironment]:
    with roles_environment(kubeconfig, account, tmp_path_factory.mktemp("values")) as env:
        yield env


def asks_back(name: str, default: dict[str, Any]) -> dict[str, Any]:
    """A Workflow that gives back what it is given, in every way there is."""
    return workflow(
        name,
        title=TEXTS["emoji"],
        variables=[
            {"name": "default", "type": "object", "default": default},
            {"name": "given", "type": "object"},
        ],
        nodes=[
            {"name": "copy", "transform": {"default": "vars.default", "given": "vars.given"}},
            {
                "name": "approve",
                "approval": {
                    "approvers": ["group:sre"],
                    "inputs": {"type": "object", "properties": {"note": {"type": "object"}}},
                },
            },
            {"name": "wait", "wait": {"signal": "go"}},
        ],
        edges=[{"from": "copy", "to": "approve"}, {"from": "approve", "to": "wait"}],
        outputs=[
            {"name": "default", "value": "nodes.copy.outputs.default"},
            {"name": "given", "value": "nodes.copy.outputs.given"},
            {"name": "inputs", "value": "nodes.approve.outputs.inputs"},
            {"name": "payload", "value": "nodes.wait.outputs"},
        ],
    )


def test_any_value_can_be_applied_run_approved_and_signalled(env: UserEnvironment) -> None:
    kubectl, dot = env.admin, env.cli("dot")
    wanted = asks_back("texts", VALUES)
    author = CommandLine(kubectl.kubeconfig, kubectl.namespace)
    applied = author("apply", "-f", "-", stdin=json.dumps(wanted))
    assert applied.stdout == "workflow/texts created\n", applied.stderr
    stored = kubectl.get("awf", "texts")["spec"]
    assert {field: stored[field] for field in wanted["spec"]} == wanted["spec"]
    kubectl.create(execution("texts", "texts-1", variables={"given": VALUES}))
    waiting(kubectl, "texts-1", "approve")
    note = f"note={json.dumps(VALUES)}"
    decided = dot("approve", "texts-1", "approve", "-m", TEXTS["emoji"], "--input", note)
    assert decided.returncode == 0, decided.stderr
    sent = dot("signal", "texts-1", "go", "--payload", json.dumps({"text": VALUES}))
    assert sent.returncode == 0, sent.stderr
    status = ended(kubectl, "texts-1")["status"]
    assert status["phase"] == "Succeeded", status
    assert status["outputs"]["default"] == status["outputs"]["given"] == VALUES
    assert [entry["note"] for entry in status["outputs"]["inputs"].values()] == [VALUES]
    assert status["outputs"]["payload"]["payload"] == {"text": VALUES}


def waiting(kubectl: Kubectl, name: str, node: str) -> None:
    """Wait until a node of an execution waits for a person."""

    def check() -> bool:
        status = kubectl.get("awfx", name).get("status") or {}
        return bool(status.get("nodes", {}).get(node, {}).get("phase") == "Waiting")

    eventually(check)


def test_the_table_of_what_kubectl_reads_is_what_kubectl_reads() -> None:
    accepted = [row for row in read_table() if not row.refused]
    refused = [row for row in read_table() if row.refused][:3]
    assert ask_kubectl([row.source for row in accepted]) == accepted
    assert [row for one in refused for row in ask_kubectl([one.source])] == refused
