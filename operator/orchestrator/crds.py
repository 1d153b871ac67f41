"""The custom resources: one source for schemas, checks, columns and docs.

`python -m orchestrator.crds DIR` writes their definitions; with `--check` it only reports drift.
The module is in a layer above the packages that declare models, such as the types of triggers.
"""

from __future__ import annotations

import sys
from pathlib import Path

from orchestrator.models.columns import COLUMNS
from orchestrator.models.crd import Kind, render
from orchestrator.models.execution import ExecutionSpec, ExecutionStatus
from orchestrator.models.incident import IncidentSpec, IncidentStatus
from orchestrator.models.template import TemplateSpec, TemplateStatus
from orchestrator.models.trigger import TriggerStatus
from orchestrator.models.workflow import WorkflowSpec, WorkflowStatus
from orchestrator.triggers.registry import REGISTRY

KINDS: tuple[Kind, ...] = (
    Kind(
        "Workflow",
        "workflows",
        "awf",
        "A graph of nodes and edges, with typed variables.",
        WorkflowSpec,
        WorkflowStatus,
        COLUMNS["Workflow"],
    ),
    Kind(
        "WorkflowExecution",
        "workflowexecutions",
        "awfx",
        "One run of a Workflow.",
        ExecutionSpec,
        ExecutionStatus,
        COLUMNS["WorkflowExecution"],
        selectable=(".status.phase", ".spec.workflow", ".spec.trigger.uid"),
        own_messages=False,
    ),
    Kind(
        "Trigger",
        "triggers",
        "awft",
        "What starts executions of a Workflow.",
        REGISTRY.spec,
        TriggerStatus,
        COLUMNS["Trigger"],
    ),
    Kind(
        "Template",
        "templates",
        "atpl",
        "An action of this namespace, or a whole workflow to start from.",
        TemplateSpec,
        TemplateStatus,
        COLUMNS["Template"],
    ),
    Kind(
        "ClusterTemplate",
        "clustertemplates",
        "actpl",
        "An action of every namespace, or a whole workflow to start from.",
        TemplateSpec,
        TemplateStatus,
        COLUMNS["ClusterTemplate"],
        namespaced=False,
    ),
    Kind(
        "Incident",
        "incidents",
        "ainc",
        "Something is wrong, who has it, and what happened to it.",
        IncidentSpec,
        IncidentStatus,
        COLUMNS["Incident"],
    ),
)


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


def main(arguments: list[str]) -> int:
    """Write or check the folder; exit code 1 when it drifts."""
    check = "--check" in arguments
    folders = [Path(argument) for argument in arguments if not argument.startswith("-")]
    if len(folders) != 1:
        print("usage: python -m orchestrator.crds [--check] DIR", file=sys.stderr)
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
