"""`lint`: manifests checked without being applied, with a cluster or without one."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from orchestrator.cli.checking import Findings, lint_documents
from orchestrator.cli.connection import Cluster, Target
from orchestrator.cli.errors import UnreachableError, UsageError
from orchestrator.cli.manifests import Document, read_documents
from orchestrator.cli.terminal import say
from orchestrator.kube.resources import KINDS


def lint_files(target: Target, files: list[str], *, offline: bool) -> int:
    """Print what is wrong and what is doubtful; 2 when something is wrong.

    A cluster is used if there is one; what cannot be checked without it is listed.
    """
    documents, problems = read_documents(files)
    if not problems and not documents:
        raise UsageError(f"{', '.join(files)}: there is no manifest in it")
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
    """What was found, and why no cluster was used."""
    cluster, without = _connect(target, offline=offline)
    try:
        return lint_documents(documents, cluster), without
    except UnreachableError as error:
        return lint_documents(documents, None), str(error)


def _connect(target: Target, *, offline: bool) -> tuple[Cluster | None, str]:
    """The cluster, or why there is none. Raises UsageError where one was asked for by name."""
    if offline:
        return None, "--offline"
    try:
        return target.connect(), ""
    except UsageError as error:
        if target.kubeconfig or target.context:
            raise
        return None, str(error)


def verdict(document: Document, findings: Findings) -> str:
    """`workflow/restart: valid`, or how much was found; other kinds are not ours to check."""
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
