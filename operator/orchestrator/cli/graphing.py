"""`graph`: draws a Workflow or an execution."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from orchestrator.cli.connection import Cluster, Target
from orchestrator.cli.terminal import say
from orchestrator.drawing.model import Picture, picture_of
from orchestrator.kube.resources import EXECUTIONS, WORKFLOWS
from orchestrator.session.errors import UsageError
from orchestrator.session.kinds import kind_of, name_in
from orchestrator.session.manifests import read_documents
from orchestrator.session.pictures import FORMATS, picture_of_execution, picture_of_workflow


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
        return picture_of_execution(cluster, execution)
    return picture_of_workflow(cluster.get(WORKFLOWS, word))


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
