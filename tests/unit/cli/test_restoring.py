"""`restore`: what it refuses, and what it leaves alone. tests/cluster/test_life.py restores."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orchestrator.models.base import API_VERSION
from tests.unit.cli.conftest import CliEnvironment


def backup(folder: Path, *items: dict[str, Any]) -> str:
    """A file as `kubectl get -o json` writes it."""
    path = folder / "backup.json"
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    return str(path)


def ours(kind: str, name: str, **fields: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "default", "uid": f"old-{name}", "resourceVersion": "7"}
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": {}, **fields}


def test_what_exists_is_kept_and_the_rest_is_created(env: CliEnvironment, tmp_path: Path) -> None:
    env.put("Workflow", "flow", spec={"title": "mine"})
    file = backup(tmp_path, ours("Trigger", "nightly"), ours("Workflow", "flow"))
    dry = env("restore", "-f", file, "--dry-run")
    assert dry.lines == [
        "workflow default/flow: exists: kept as it is",
        "trigger default/nightly: restored (dry run)",
    ]
    assert env.names("Trigger") == []
    done = env("restore", "-f", file)
    assert (done.code, done.err) == (0, "")
    assert done.lines[1] == "trigger default/nightly: restored"
    assert env.get("Workflow", "flow")["spec"] == {"title": "mine"}
    assert env.names("Trigger") == ["nightly"]


@pytest.mark.parametrize(
    ("items", "options", "said"),
    [
        (
            [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}],
            [],
            "is not of this API: restore it by kubectl",
        ),
        ([], [], "no object found"),
        (
            [ours("Workflow", "flow")],
            ["--operator", "operator"],
            "--operator: 'operator' is not NAMESPACE/NAME",
        ),
    ],
    ids=["other kinds", "nothing", "no account"],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_restored(
    env: CliEnvironment, tmp_path: Path, items: list[dict[str, Any]], options: list[str], said: str
) -> None:
    done = env("restore", "-f", backup(tmp_path, *items), *options)
    assert done.code == 2
    assert said in done.err
    assert env.names("Workflow") == []
