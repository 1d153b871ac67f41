"""`lint`: checks manifests without applying them, with or without a cluster."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from orchestrator.cli.connection import Cluster, Target
from orchestrator.cli.terminal import say
from orchestrator.kube.resources import KINDS
from orchestrator.session.checking import Findings, lint_documents
from orchestrator.session.errors import UnreachableError, UsageError
from orchestrator.session.manifests import Document, read_documents


def lint_files(target: Target, files: list[str], *, offline: bool) -> int:
    """Print errors and warnings; returns 2 if there are errors.

    A cluster is used if there is one; checks that need a cluster and were skipped are listed.
    """
    documents, problems = read_documents(files)
    if not problems and not documents:
        raise UsageError(f"{', '.join(files)}: no manifest found")
    findings, without = _lint(target, documents, offline=offline)
    findings.problems[:0] = problems
    for line in (*findings.problems, *findings.warnings, *findings.unchecked):
        say(line, file=sys.stderr)
    if without:
        say(
            f"checked without a cluster ({without}): actions are those of this release, and what"
            " the API server refuses is unknown",
            file=sys.stderr,
        )
    for document in documents:
        say(verdict(document, findings), flush=True)
    return 2 if findings.problems else 0


def _lint(target: Target, documents: Sequence[Document], *, offline: bool) -> tuple[Findings, str]:
    """The findings, and why no cluster was used."""
    cluster, without = connect_if_possible(target, offline=offline)
    try:
        return lint_documents(documents, cluster), without
    except UnreachableError as error:
        return lint_documents(documents, None), str(error)


def connect_if_possible(target: Target, *, offline: bool) -> tuple[Cluster | None, str]:
    """The cluster, or why there is none. Raises UsageError if one was requested by name."""
    if offline:
        return None, "--offline"
    try:
        return target.connect(), ""
    except UsageError as error:
        if target.kubeconfig or target.context:
            raise
        return None, str(error)


def verdict(document: Document, findings: Findings) -> str:
    """`workflow/restart: valid`, or the number of findings; other kinds are not checked."""
    name = f"{document.resource.kind.lower()}/{document.name}"
    if document.resource not in KINDS:
        return f"{name}: not checked, it is of another API"
    own = document.says("")
    wrong = sum(line.startswith(own) for line in findings.problems)
    doubtful = sum(line.startswith(own) for line in findings.warnings)
    counts = [
        f"{count} {word}{'' if count == 1 else 's'}"
        for count, word in ((wrong, "error"), (doubtful, "warning"))
        if count
    ]
    state = "valid" if not wrong else "invalid"
    return f"{name}: {', '.join([state, *counts])}"
