"""Manifests from files, folders and text; what is wrong with them, and where."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.session.checking import check_documents
from orchestrator.session.errors import UsageError
from orchestrator.session.manifests import read_documents

HEAD = "apiVersion: automation.itechsmart.dev/v1alpha1\nkind: {}\nmetadata: {{name: {}}}\n"
WORKFLOW = HEAD.format("Workflow", "w") + "spec: {nodes: [{name: a, action: local/sh}]}\n"
TEMPLATE = (
    HEAD.format("Template", "sh") + "spec: {action: {image: example.com/a:1, command: [a]}}\n"
)


def checked(tmp_path: Path, text: str) -> list[str]:
    """What is wrong with a file, without the folder that it stands in."""
    (tmp_path / "it.yaml").write_text(text)
    documents, problems = read_documents([str(tmp_path / "it.yaml")])
    said = problems + check_documents(documents, None).problems
    return [line.removeprefix(f"{tmp_path}/") for line in said]


def test_documents_are_numbered_as_they_stand_and_empty_ones_are_passed_over(
    tmp_path: Path,
) -> None:
    (tmp_path / "it.yaml").write_text(f"---\n---\n{WORKFLOW}---\n{TEMPLATE}")
    documents, problems = read_documents([str(tmp_path / "it.yaml")])
    assert problems == []
    assert [(d.where.rpartition(": ")[2], d.resource.kind, d.name) for d in documents] == [
        ("document 2", "Workflow", "w"),
        ("document 3", "Template", "sh"),
    ]


def test_a_folder_is_read_with_its_folders_in_order(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "c.yml").write_text(TEMPLATE)
    (tmp_path / "a.yaml").write_text(WORKFLOW)
    (tmp_path / "readme.md").write_text("# not a manifest")
    documents, _ = read_documents([str(tmp_path)])
    assert [document.resource.kind for document in documents] == ["Workflow", "Template"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "it.yaml: document 1: this is not YAML: "),
        ("---\n---\na: .nan", "it.yaml: document 2: a: nan is not a JSON number"),
        ("- a", "it.yaml: document 1: a manifest is one object"),
        ("kind: Pod\napiVersion: v1", "it.yaml: document 1: metadata.name: a name is needed"),
        ("kind: Pod", "it.yaml: document 1: apiVersion, kind: both are needed"),
        (HEAD.format("Workflow", "[]"), "it.yaml: document 1: metadata.name: a name is needed"),
        (HEAD.format("Workflow", "w") + "spec: []", "spec: must be an object"),
        (WORKFLOW.replace("spec", "sepc"), "document 1: sepc: there is no such field; did you"),
        (WORKFLOW.replace("name: w", "name: a/b"), "Workflow a/b: metadata.name: "),
        (WORKFLOW.replace("name: w", "name: w, namespace: ../x"), "metadata.namespace: "),
        (WORKFLOW.replace("name: w", "name: a.b.c-d"), "without dots; write 'a-b-c-d'"),
        (WORKFLOW.replace("name: w", f"name: {'w' * 64}"), f"write '{'w' * 63}'"),
        (WORKFLOW.replace("name: w", "name: ends-"), "metadata.name: "),
        (WORKFLOW.replace("name: w", "name: w, labels: 5"), "metadata.labels: must be an object"),
        (WORKFLOW.replace("name: w", "name: w, labels: {a: 5}"), "metadata.labels.a: must be a"),
        (WORKFLOW.replace("name: w", "name: w, lables: {}"), "did you mean 'labels'?"),
        (
            WORKFLOW.replace("action:", "acton:"),
            "it.yaml: document 1: Workflow w: spec.nodes[0]: there is no field 'acton';"
            " did you mean 'action'?",
        ),
        (
            f"{WORKFLOW.replace('}]', ', with: {a: 1}}]')}---\n{TEMPLATE}",
            "Workflow w: spec.nodes[0].with.a: 'local/sh' has no parameter 'a'",
        ),
        (
            HEAD.format("Workflow", "w")
            + "spec: {nodes: [{name: a, workflow: {name: b}, retry: {limit: 1}, "
            + "forEach: {values: '[1]', as: x}}]}",
            "Workflow w: spec.nodes[0].retry: a fan-out over sub-workflows has no retry",
        ),
    ],
)
def test_what_is_wrong_is_said_with_file_document_and_path(
    tmp_path: Path, text: str, said: str
) -> None:
    assert said in "\n".join(checked(tmp_path, text))


def test_a_workflow_whose_actions_stand_beside_it_is_judged_whole(tmp_path: Path) -> None:
    assert checked(tmp_path, f"{WORKFLOW}---\n{TEMPLATE}") == []


def test_without_a_cluster_actions_that_stand_elsewhere_are_not_judged(tmp_path: Path) -> None:
    assert checked(tmp_path, WORKFLOW.replace("local/sh", "http-request")) == []


def test_what_looks_like_a_date_stays_the_text_that_it_is(tmp_path: Path) -> None:
    (tmp_path / "it.yaml").write_text(HEAD.format("Workflow", "d") + "spec: {title: 2026-01-31}")
    documents, _ = read_documents([str(tmp_path / "it.yaml")])
    assert documents[0].raw["spec"] == {"title": "2026-01-31"}


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"a" * (4 * 1024 * 1024)])
def test_a_file_that_cannot_be_a_manifest_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "it.yaml").write_bytes(content)
    with pytest.raises(UsageError, match=r"it\.yaml: (not text|is larger than 3 MiB)"):
        read_documents([str(tmp_path)])


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nowhere: No such file"):
        read_documents([str(tmp_path / "nowhere")])
