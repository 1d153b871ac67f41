"""`apply` of Lists and of kinds that are not ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestrator.models.base import API_VERSION
from tests.unit.cli.conftest import CliEnvironment

WORKFLOW: dict[str, Any] = {
    "apiVersion": API_VERSION,
    "kind": "Workflow",
    "metadata": {"name": "w"},
    "spec": {"nodes": [{"name": "a", "transform": {"x": "1"}}]},
}
CONFIG: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "c"},
    "data": {"a": "b"},
}
DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "d"},
    "spec": {},
}


def file(folder: Path, *manifests: dict[str, Any], name: str = "manifests.yaml") -> str:
    (folder / name).write_text(yaml.safe_dump_all(manifests))
    return str(folder / name)


def test_the_items_of_a_list_are_manifests(env: CliEnvironment, tmp_path: Path) -> None:
    items = {"apiVersion": "v1", "kind": "List", "items": [WORKFLOW, CONFIG]}
    done = env("apply", "-f", file(tmp_path, items))
    assert done.lines == ["workflow/w created", "configmap/c created"]
    wrong = {**WORKFLOW, "metadata": {"name": "x"}, "spec": {"nodes": [{"name": "a"}]}}
    done = env("apply", "-f", file(tmp_path, {**items, "items": [WORKFLOW, wrong]}))
    assert (done.code, done.out) == (2, "")
    assert "manifests.yaml: document 1: items[1]: Workflow x: spec.nodes[0]" in done.err


def test_other_kinds_of_a_folder_are_passed_on(env: CliEnvironment, tmp_path: Path) -> None:
    file(tmp_path, WORKFLOW, name="a.yaml")
    file(tmp_path, DEPLOYMENT, CONFIG, name="b.yaml")
    (tmp_path / "kustomization.yaml").write_text("resources: [a.yaml, b.yaml]")
    done = env("apply", "-f", str(tmp_path))
    assert done.lines == ["workflow/w created", "deployment/d created", "configmap/c created"]
    again = env("apply", "-f", str(tmp_path), "--dry-run=server")
    assert again.lines[1] == "deployment/d unchanged (dry run)"
    changed = {**CONFIG, "data": {"a": "c"}}
    assert env("apply", "-f", file(tmp_path, changed)).lines == ["configmap/c configured"]


def test_a_namespace_comes_before_what_is_in_it(env: CliEnvironment, tmp_path: Path) -> None:
    inside = {**CONFIG, "metadata": {"name": "c", "namespace": "shop"}}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
    path = file(tmp_path, inside, namespace)
    tried = env("apply", "-f", path, "--dry-run=server")
    assert tried.lines == ["namespace/shop created (dry run)", "configmap/c created (dry run)"]
    assert env("apply", "-f", path).lines == ["namespace/shop created", "configmap/c created"]
    assert ("configmaps", "shop", "c") in env.server.objects


def test_a_definition_comes_before_objects_of_its_kind(env: CliEnvironment, tmp_path: Path) -> None:
    widget = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "it"}}
    alone = env("apply", "-f", file(tmp_path, widget))
    assert (alone.code, alone.out) == (2, "")
    assert "document 1: Widget it: the cluster has no kind Widget of example.com/v1" in alone.err


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        (
            {**WORKFLOW, "kind": "Worfklow"},
            f"kind: there is no kind 'Worfklow' of {API_VERSION}; did you mean 'Workflow'?",
        ),
        (
            {**WORKFLOW, "apiVersion": "automation.itechsmart.dev/v1"},
            f"automation.itechsmart.dev/v1 is not supported; write {API_VERSION}",
        ),
        ({**CONFIG, "metadata": {}}, "metadata.name: a name is needed"),
        ({**CONFIG, "metadata": {"name": "../x"}}, "metadata.name: may not be empty"),
        ({"kind": "ConfigMap"}, "apiVersion, kind: both are needed"),
        (
            {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"},
            "apply the output of `kubectl kustomize FOLDER`",
        ),
    ],
)
def test_what_is_no_manifest_is_said_to_be(
    env: CliEnvironment, tmp_path: Path, manifest: dict[str, Any], said: str
) -> None:
    done = env("apply", "-f", file(tmp_path, WORKFLOW, manifest))
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert env.names("Workflow") == []
