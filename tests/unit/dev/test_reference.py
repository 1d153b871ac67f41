"""The generated reference: complete, up to date, and without a link that leads nowhere."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from dev.reference.__main__ import FOLDER, drifted, pages
from dev.reference.markdown import anchor
from dev.reference.metrics import described
from orchestrator.crds import KINDS
from orchestrator.models.crd import custom_resource_definition
from orchestrator.models.reasons import EventReason, Reason
from orchestrator.triggers.registry import REGISTRY
from orchestrator.triggers.trigger_type import TriggerType


@pytest.fixture(scope="module")
def reference() -> dict[str, str]:
    return pages()


def _fields(schema: Mapping[str, Any]) -> Iterator[str]:
    """The names of all fields below a schema."""
    for name, field in schema.get("properties", {}).items():
        yield name
        yield from _fields(field)
    for below in ("items", "additionalProperties"):
        if isinstance(schema.get(below), Mapping):
            yield from _fields(schema[below])


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.namespaced], ids=lambda k: k.name)
def test_every_field_of_a_kind_has_a_line(reference: dict[str, str], kind: Any) -> None:
    (version,) = custom_resource_definition(kind)["spec"]["versions"]
    text = reference[f"resources/{kind.name.lower()}.md"]
    if kind.name == "Template":  # refers to the page of the Workflow for a whole workflow's spec
        text += reference["resources/workflow.md"]
    listed = set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE))
    schema = version["schema"]["openAPIV3Schema"]["properties"]
    free = {"true", "false"}  # what a map of any values must not have as keys
    assert {*_fields(schema["spec"]), *_fields(schema["status"])} - free - listed == set()


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("resources/workflow.md", "`secretKeyRef`"),
        ("resources/workflow.md", "`Draft` or `Active` or `Inactive` or `Archived`"),
        ("resources/workflow.md", "`All` or `Any` or `First`"),
        ("resources/template.md", "`serviceAccountName`"),
        ("resources/template.md", "allow-workflows"),
        ("resources/workflowexecution.md", "`status.phase`, `spec.workflow`, `spec.trigger.uid`"),
        ("labels.md", "`automation.itechsmart.dev/allow-workflows`"),
        ("commands.md", "orchestrator rerun"),
        ("node-kinds.md", "`startTimeout`"),
    ],
)
def test_what_people_look_for_is_there(reference: dict[str, str], page: str, text: str) -> None:
    assert text in reference[page]


def test_every_reason_and_metric_has_a_line(reference: dict[str, str]) -> None:
    assert all(f"| `{reason}` |" in reference["reasons.md"] for reason in (*Reason, *EventReason))
    assert all(f"| `{name}` |" in reference["metrics.md"] for name, *_ in described())


@pytest.mark.parametrize("type_", REGISTRY.types, ids=lambda type_: type_.key)
def test_every_field_of_an_event_has_a_line(
    reference: dict[str, str], type_: TriggerType[Any]
) -> None:
    _, _, below = reference["trigger-types.md"].partition(f"\n## {type_.key}\n")
    listed = re.findall(r"^\| `event\.(\w+)` \|", below.partition("\n## ")[0], re.MULTILINE)
    assert listed == [field.alias for field in type_.event.model_fields.values()]


def test_every_link_leads_somewhere(reference: dict[str, str]) -> None:
    broken = []
    pages = ((name, text) for name, text in reference.items() if name.endswith(".md"))
    for name, text in pages:
        for target in re.findall(r"\]\(([^)]+)\)", text):
            path, _, fragment = target.partition("#")
            file = (FOLDER / name).parent / path if path else FOLDER / name
            found = reference.get(_below(file)) or (file.read_text() if file.exists() else None)
            if found is None or (fragment and fragment not in _anchors(found)):
                broken.append(f"{name}: {target}")
    assert broken == []


def _below(file: Path) -> str:
    path = file.resolve()
    return str(path.relative_to(FOLDER)) if path.is_relative_to(FOLDER) else ""


def _anchors(text: str) -> set[str]:
    return {anchor(title) for title in re.findall(r"^#+ (.*)$", text, re.MULTILINE)}


def test_a_page_that_differs_is_named(tmp_path: Path, reference: dict[str, str]) -> None:
    for name, text in reference.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "cli.md").write_text("# Written by hand\n")
    assert drifted(reference, tmp_path) == []
    (tmp_path / "reasons.md").unlink()
    (tmp_path / "gone.md").write_text(reference["metrics.md"])
    assert drifted(reference, tmp_path) == ["gone.md", "reasons.md"]
