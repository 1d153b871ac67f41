"""A release: what users download, apply and read."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from dev.images.build import REPOSITORY
from dev.release.manifests import OPTIONAL, catalog_manifest, install_manifest, optional_manifest
from dev.release.notes import NotesError, notes_of
from orchestrator.actions.registry import NAMES

OWN = "registry.example.com/tools/workflow"
MAX_ANNOTATION = 256 * 1024
"""Bytes of an object that `kubectl apply` can keep in its annotation."""
CHANGES = """# Changes

## 1.1.0 (2026-12-01)

- Faster.

## 1.0.0

- The first.
"""


@pytest.fixture(scope="module")
def installed() -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(install_manifest(f"{OWN}:1.2.3")))


def test_operator_and_runner_come_from_the_repository_of_the_release(
    installed: list[dict[str, Any]],
) -> None:
    (deployment,) = (each for each in installed if each["kind"] == "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    runner = {each["name"]: each.get("value") for each in container["env"]}["RUNNER_IMAGE"]
    assert container["image"] == runner == f"{OWN}:1.2.3"
    assert REPOSITORY not in json.dumps(installed)


def test_install_yaml_has_the_custom_resources_and_no_object_of_them(
    installed: list[dict[str, Any]],
) -> None:
    kinds = {each["spec"]["names"]["kind"] for each in installed if "names" in each.get("spec", {})}
    assert {"Workflow", "WorkflowExecution", "Trigger", "ClusterTemplate", "Incident"} < kinds
    assert not kinds & {each["kind"] for each in installed}


def test_plain_kubectl_apply_takes_each_object(installed: list[dict[str, Any]]) -> None:
    for each in installed:
        assert len(json.dumps(each)) < MAX_ANNOTATION, each["metadata"]["name"]


@pytest.mark.parametrize("name", OPTIONAL)
def test_what_is_optional_comes_beside_the_installation_in_the_image_of_the_release(
    installed: list[dict[str, Any]], name: str
) -> None:
    own = list(yaml.safe_load_all(optional_manifest(name, f"{OWN}:1.2.3")))
    (deployment,) = (each for each in own if each["kind"] == "Deployment")
    for container in deployment["spec"]["template"]["spec"]["containers"]:
        assert container["image"] == f"{OWN}:1.2.3"
    assert REPOSITORY not in json.dumps(own)
    namespaces = {each["metadata"].get("namespace") for each in own}
    made = {each["metadata"]["name"] for each in installed if each["kind"] == "Namespace"}
    assert namespaces - {None} == made
    names = [
        {(each["kind"], each["metadata"]["name"]) for each in each_file}
        for each_file in (installed, own)
    ]
    assert not names[0] & names[1]


def test_the_catalog_has_every_shipped_action() -> None:
    names = {each["metadata"]["name"] for each in yaml.safe_load_all(catalog_manifest())}
    assert set(NAMES) < names


def test_the_notes_are_the_section_of_the_version() -> None:
    assert notes_of(CHANGES, "1.1.0") == "- Faster.\n"
    assert notes_of(CHANGES, "1.0.0") == "- The first.\n"


@pytest.mark.parametrize(
    ("changelog", "says"),
    [
        (CHANGES, "CHANGELOG.md has no section for 1.2.0; add `## 1.2.0`"),
        ("## 1.2.0\n\n## 1.1.0\n- x\n", "CHANGELOG.md: the section 1.2.0 is empty"),
    ],
)
def test_a_release_without_notes_is_refused(changelog: str, says: str) -> None:
    with pytest.raises(NotesError, match=says.replace(".", r"\.")):
        notes_of(changelog, "1.2.0")
