"""A workspace on a real kubelet: two nodes and a fan-out share its files, and no other run does."""

from __future__ import annotations

from typing import Any

import pytest

from dev.cluster.images import BUSYBOX_IMAGE
from tests.kube import Kubectl, ended, execution, manifest, workflow

pytestmark = pytest.mark.usefixtures("operator")

SH = manifest(
    "Template",
    "sh",
    {
        "parameters": [{"name": "run", "type": "string", "required": True}],
        "outputs": [{"name": "text", "type": "string"}],
        "action": {
            "image": BUSYBOX_IMAGE,
            "script": {
                "interpreter": "sh",
                "source": 'cd "$WORKSPACE" && text=$(sh -c "$PARAM_RUN" | tr "\\n" " ") && '
                'printf \'{"text": "%s"}\' "$text" > "$OUTPUTS"',
            },
        },
    },
)


def sh(name: str, run: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "action": "local/sh", "with": {"run": run}, **fields}


def test_the_nodes_of_a_run_share_its_files(kubectl: Kubectl) -> None:
    each = {"values": "['x', 'y', 'z']", "as": "item"}
    kubectl.apply(
        SH,
        workflow(
            "build",
            workspace={"size": "64Mi"},
            nodes=[
                sh("write", "ls | wc -l; echo hello > greeting"),
                sh("each", "cp greeting copy-$[[ item ]]", forEach=each),
                sh("read", "cat greeting copy-y; ls | wc -l"),
            ],
            edges=[{"from": "write", "to": "each"}, {"from": "each", "to": "read"}],
        ),
    )
    for name in ("one", "two"):
        kubectl.create(execution("build", name))
    for name in ("one", "two"):
        nodes = ended(kubectl, name)["status"]["nodes"]
        assert nodes["write"]["outputs"]["text"].split() == ["0"], nodes
        assert nodes["read"]["outputs"]["text"].split() == ["hello", "hello", "4"], nodes
    claims = kubectl.get("pvc")["items"]
    assert {claim["metadata"]["ownerReferences"][0]["name"] for claim in claims} == {"one", "two"}
