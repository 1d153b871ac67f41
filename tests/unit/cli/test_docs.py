"""Every manifest that the documentation and the examples show is a valid one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from orchestrator.cli.checking import check_documents
from orchestrator.cli.manifests import read_documents
from tests.kube import ROOT

CATALOG = str(ROOT / "manifests/catalog/actions")
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
    (tmp_path / f"{page}.yaml").write_text(manifest)
    assert wrong(str(tmp_path)) == []


@pytest.mark.parametrize("example", sorted((ROOT / "manifests/examples").glob("*.yaml")))
def test_an_example_is_valid(example: Path) -> None:
    assert wrong(str(example)) == []


def wrong(path: str) -> list[str]:
    """What `apply` would say, with the shipped actions on the cluster."""
    documents, problems = read_documents([path, CATALOG])
    return problems + check_documents(documents, None).problems
