"""Every manifest that the documentation and the examples show is a valid one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from orchestrator.session.checking import check_documents
from orchestrator.session.manifests import read_documents
from tests.kube import ROOT

CATALOG = sorted((ROOT / "manifests/catalog/actions").glob("*.yaml"))
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
SHOWN = [
    (page.name, block)
    for page in PAGES
    for block in re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL)
    if block.startswith("apiVersion: automation")
]


def test_there_are_manifests_in_the_documentation() -> None:
    assert {name for name, _ in SHOWN} >= {"first-workflow.md", "triggers.md"}


@pytest.mark.parametrize(("page", "manifest"), SHOWN)
def test_a_manifest_that_is_shown_is_valid(page: str, manifest: str, tmp_path: Path) -> None:
    path = tmp_path / f"{page}.yaml"
    path.write_text(manifest)
    assert wrong(path) == []


@pytest.mark.parametrize("example", sorted((ROOT / "manifests/examples").glob("*.yaml")))
def test_an_example_is_valid(example: Path) -> None:
    assert wrong(example) == []


def wrong(path: Path) -> list[str]:
    """What `apply` would say, with the shipped actions that it names on the cluster."""
    text = path.read_text()
    named = [str(template) for template in CATALOG if template.stem in text]
    documents, problems = read_documents([str(path), *named])
    return problems + check_documents(documents, None).problems
