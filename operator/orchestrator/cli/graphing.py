"""`graph`: draws a Workflow or an execution."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from orchestrator.cli.connection import Cluster, Target
from orchestrator.cli.drawing.model import Picture, picture_of
from orchestrator.cli.drawing.svg import to_svg
from orchestrator.cli.drawing.text import to_dot, to_mermaid
from orchestrator.cli.errors import UsageError
from orchestrator.cli.kinds import kind_of, name_in
from orchestrator.cli.manifests import read_documents
from orchestrator.cli.revision_spec import read_workflow
from orchestrator.cli.terminal import say
from orchestrator.kube.resources import EXECUTIONS, WORKFLOWS

FORMATS: Mapping[str, Callable[[Picture], str]] = {
    "mermaid": to_mermaid,
    "dot": to_dot,
    "svg": to_svg,
}


def draw(target: Target, word: str | None, files: list[str], form: str, output: Path | None) -> int:
    """Print the graph, or write it to a file."""
    if files:
        picture = _of_files(files, word)
    elif word is None:
        raise UsageError("name a Workflow or awfx/EXECUTION, or a file with -f")
    else:
        picture = _of_cluster(target.connect(), word)
    drawn = FORMATS[form](picture)
    if output is None:
        say(drawn, end="")
        return 0
    try:
        output.write_text(drawn)
    except OSError as error:
        raise UsageError(f"--output {output}: {error.strerror}") from error
    say(f"wrote {output}", file=sys.stderr)
    return 0


def _of_cluster(cluster: Cluster, word: str) -> Picture:
    before, slash, name = word.partition("/")
    if name == "@latest" or word == "@latest" or (slash and kind_of(before) == EXECUTIONS):
        execution = cluster.get(EXECUTIONS, word)
        workflow = read_workflow(cluster, execution)
        if not workflow:
            name = execution["metadata"]["name"]
            raise UsageError(f"neither the revision nor the Workflow of {name} can be read")
        records = (execution.get("status") or {}).get("nodes") or {}
        return picture_of(execution["metadata"]["name"], workflow, records)
    found = cluster.get(WORKFLOWS, word)
    return picture_of(found["metadata"]["name"], found["spec"])


def _of_files(files: list[str], word: str | None) -> Picture:
    documents, problems = read_documents(files)
    if problems:
        raise UsageError("\n".join(problems))
    workflows = [one for one in documents if one.resource == WORKFLOWS]
    if word is not None:
        wanted = name_in(WORKFLOWS, word)
        workflows = [one for one in workflows if one.name == wanted]
    if len(workflows) != 1:
        names = ", ".join(one.name for one in workflows) or "no Workflow"
        raise UsageError(
            f"{', '.join(files)}: graph draws one Workflow, but the files contain {names}"
        )
    spec: dict[str, Any] = workflows[0].raw.get("spec") or {}
    if not all(isinstance(node, dict) and "name" in node for node in spec.get("nodes") or [{}]):
        raise UsageError(f"{workflows[0].where}: spec.nodes: each node needs a name")
    return picture_of(workflows[0].name, spec)
