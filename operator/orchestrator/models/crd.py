"""The CustomResourceDefinitions, made from the models: one source for schemas, checks and docs.

`python -m orchestrator.models.crd DIR` writes them, with `--check` it only says whether they drift.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from orchestrator.models.base import GROUP, VERSION
from orchestrator.models.execution import ExecutionSpec, ExecutionStatus
from orchestrator.models.incident import IncidentSpec, IncidentStatus
from orchestrator.models.rules import ATOMIC_MAP, ROOT
from orchestrator.models.structural import structural
from orchestrator.models.template import TemplateSpec, TemplateStatus
from orchestrator.models.trigger import TriggerSpec, TriggerStatus
from orchestrator.models.workflow import WorkflowSpec, WorkflowStatus

LARGEST = 200 * 1024
"""Bytes: client-side apply keeps the whole manifest in an annotation of at most 256 KiB."""
HEADER = "# Generated from the models by `make generate`; do not edit.\n"


@dataclass(frozen=True, slots=True)
class Column:
    """A printer column; a priority over 0 is shown with `-o wide` only."""

    name: str
    path: str
    type: str = "string"
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Kind:
    """One of our kinds."""

    name: str
    plural: str
    short: str
    description: str
    spec: type[BaseModel]
    status: type[BaseModel]
    columns: tuple[Column, ...]
    namespaced: bool = True
    selectable: tuple[str, ...] = ()


def _condition(kind: str, field: str) -> str:
    return f'.status.conditions[?(@.type=="{kind}")].{field}'


_AGE = Column("Age", ".metadata.creationTimestamp", "date")
_READY = Column("Ready", _condition("Ready", "status"))
_REASON = Column("Reason", _condition("Ready", "reason"))
_MESSAGE = Column("Message", _condition("Ready", "message"), priority=1)
_TEMPLATE = (
    Column("Category", ".spec.category"),
    Column("Title", ".spec.title"),
    _READY,
    _REASON,
    _MESSAGE,
    _AGE,
)

KINDS: tuple[Kind, ...] = (
    Kind(
        "Workflow",
        "workflows",
        "awf",
        "A graph of nodes and edges, with typed variables.",
        WorkflowSpec,
        WorkflowStatus,
        (
            Column("State", ".spec.state"),
            _READY,
            _REASON,
            Column("Last", ".status.metrics.lastExecution.phase"),
            Column("Finished", ".status.metrics.lastExecution.finishedAt", "date"),
            Column("Runs", ".status.metrics.total", "integer"),
            Column("Success", ".status.metrics.successRate", "number", 1),
            Column("P95", ".status.metrics.durationSeconds.p95", "number", 1),
            Column("Title", ".spec.title", priority=1),
            _MESSAGE,
            _AGE,
        ),
    ),
    Kind(
        "WorkflowExecution",
        "workflowexecutions",
        "awfx",
        "One run of a Workflow.",
        ExecutionSpec,
        ExecutionStatus,
        (
            Column("Workflow", ".spec.workflow"),
            Column("Phase", ".status.phase"),
            Column("Reason", ".status.reason"),
            Column("Progress", ".status.progress"),
            Column("Active", ".status.active"),
            Column("Started", ".status.startedAt", "date"),
            Column("Finished", ".status.finishedAt", "date"),
            Column("Failed", ".status.counts.failed", "integer", 1),
            Column("Requester", ".spec.requester", priority=1),
            Column("Message", ".status.message", priority=1),
            _AGE,
        ),
        selectable=(".status.phase", ".spec.workflow", ".spec.trigger.uid"),
    ),
    Kind(
        "Trigger",
        "triggers",
        "awft",
        "What starts executions of a Workflow.",
        TriggerSpec,
        TriggerStatus,
        (
            Column("Workflow", ".spec.workflow"),
            Column("Suspended", ".spec.suspend", "boolean"),
            _READY,
            _REASON,
            Column("Last", ".status.lastFired", "date"),
            # Not a date: kubectl prints dates as ages, and a future one as <invalid>.
            Column("Next", ".status.nextFire"),
            _MESSAGE,
            _AGE,
        ),
    ),
    Kind(
        "Template",
        "templates",
        "atpl",
        "An action of this namespace, or a whole workflow to start from.",
        TemplateSpec,
        TemplateStatus,
        _TEMPLATE,
    ),
    Kind(
        "ClusterTemplate",
        "clustertemplates",
        "actpl",
        "An action of every namespace, or a whole workflow to start from.",
        TemplateSpec,
        TemplateStatus,
        _TEMPLATE,
        namespaced=False,
    ),
    Kind(
        "Incident",
        "incidents",
        "ainc",
        "Something is wrong, who has it, and what happened to it.",
        IncidentSpec,
        IncidentStatus,
        (
            Column("Severity", ".spec.severity"),
            Column("State", ".spec.state"),
            Column("Title", ".spec.title"),
            Column("Assignee", ".spec.assignee"),
            Column("Escalation", ".spec.escalation", priority=1),
            Column("Summary", ".spec.summary", priority=1),
            _AGE,
        ),
    ),
)


def custom_resource_definition(kind: Kind) -> dict[str, Any]:
    """The manifest of one kind's definition."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced" if kind.namespaced else "Cluster",
            "names": {
                "kind": kind.name,
                "listKind": f"{kind.name}List",
                "plural": kind.plural,
                "singular": kind.name.lower(),
                "shortNames": [kind.short],
                "categories": ["automation"],
            },
            "versions": [_version(kind)],
        },
    }


def render(kind: Kind) -> str:
    """The definition as it stands in a file."""
    body = yaml.dump(
        custom_resource_definition(kind),
        Dumper=_Plain,
        sort_keys=False,
        width=100,
        allow_unicode=True,
    )
    text = HEADER + body
    if len(text.encode()) > LARGEST:
        raise ValueError(f"the definition of {kind.name} exceeds {LARGEST} bytes")
    return text


def render_all() -> str:
    """All definitions as one stream, for `kubectl apply --server-side -f -`."""
    return "---\n".join(render(kind) for kind in KINDS)


def write(folder: Path) -> None:
    """Write a file for each kind."""
    folder.mkdir(parents=True, exist_ok=True)
    for kind in KINDS:
        (folder / f"{kind.plural}.yaml").write_text(render(kind))


def drifted(folder: Path) -> list[str]:
    """The files that are not what the models say, missing and superfluous ones included."""
    wanted = {f"{kind.plural}.yaml": render(kind) for kind in KINDS}
    present = {path.name: path.read_text() for path in folder.glob("*.yaml")}
    return sorted(
        name for name in wanted.keys() | present.keys() if wanted.get(name) != present.get(name)
    )


class _Plain(yaml.SafeDumper):
    """Without anchors, which a reader would have to resolve."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - the base class's signature
        return True


def _version(kind: Kind) -> dict[str, Any]:
    version: dict[str, Any] = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": _schema(kind)},
        "subresources": {"status": {}},
        "additionalPrinterColumns": [_column(column) for column in kind.columns],
    }
    if kind.selectable:
        version["selectableFields"] = [{"jsonPath": path} for path in kind.selectable]
    return version


def _schema(kind: Kind) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "type": "object",
        "description": kind.description,
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string", "description": f"{GROUP}/{VERSION}."},
            "kind": {"type": "string", "description": f"{kind.name}."},
            "metadata": {"type": "object"},
            "spec": {**structural(kind.spec), "description": _first_line(kind.spec)},
            "status": {
                **structural(kind.status),
                "description": _first_line(kind.status),
                **ATOMIC_MAP,
            },
        },
    }
    if kind.name in ROOT:
        schema["x-kubernetes-validations"] = ROOT[kind.name]
    return schema


def _first_line(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").strip().splitlines()[0]


def _column(column: Column) -> dict[str, Any]:
    raw: dict[str, Any] = {"name": column.name, "type": column.type, "jsonPath": column.path}
    return raw | ({"priority": column.priority} if column.priority else {})


def main(arguments: list[str]) -> int:
    """Write or check the folder; exit code 1 when it drifts."""
    check = "--check" in arguments
    folders = [Path(argument) for argument in arguments if not argument.startswith("-")]
    if len(folders) != 1:
        print("usage: python -m orchestrator.models.crd [--check] DIR", file=sys.stderr)
        return 2
    if not check:
        write(folders[0])
        return 0
    drift = drifted(folders[0])
    for name in drift:
        print(f"{folders[0] / name} is not what the models say; run `make generate`")
    return 1 if drift else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
