"""`apply`: manifests checked first, here and on the server, all of them, and only then applied."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from orchestrator.cli.checking import check_documents
from orchestrator.cli.connection import Cluster, Target
from orchestrator.cli.errors import UnreachableError, UsageError
from orchestrator.cli.manifests import Document, read_documents
from orchestrator.cli.terminal import say

FIELD_MANAGER = "orchestrator-cli"


def apply_files(target: Target, files: list[str], *, dry_run: bool) -> int:
    """Apply everything, or say what is wrong and apply nothing (exit code 2)."""
    documents, problems = read_documents(files)
    problems += [_elsewhere(item, target) for item in documents if _elsewhere(item, target)]
    problems += check_documents(documents, None).problems
    if not problems and not documents:
        raise UsageError(f"{', '.join(files)}: there is no manifest in it")
    if problems:
        return _refuse(problems)
    cluster = target.connect()
    findings = check_documents(documents, cluster)
    if findings.problems:
        return _refuse(findings.problems)
    for line in (*findings.warnings, *findings.unchecked):
        say(line, file=sys.stderr)
    tried, problems = _try(cluster, documents)
    if problems:
        return _refuse(problems)
    for line in tried if dry_run else (_apply(cluster, item, dry_run=False) for item in documents):
        say(line, flush=True)
    return 0


def _refuse(problems: Sequence[str]) -> int:
    say("\n".join(problems), file=sys.stderr)
    return 2


def _elsewhere(document: Document, target: Target) -> str:
    own = document.namespace
    if not own or target.namespace in (None, own):
        return ""
    return document.says(f"metadata.namespace: is {own}, but -n {target.namespace} was given")


def _try(cluster: Cluster, documents: Sequence[Document]) -> tuple[list[str], list[str]]:
    """What the API server would do, and what it would refuse."""
    tried, problems = [], []
    for document in documents:
        try:
            tried.append(_apply(cluster, document, dry_run=True))
        except UnreachableError:
            raise
        except UsageError as error:
            problems.append(str(error))
    return tried, problems


def _apply(cluster: Cluster, document: Document, *, dry_run: bool) -> str:
    cluster = cluster.within(document.namespace)
    query = {"fieldManager": FIELD_MANAGER} | ({"dryRun": "All"} if dry_run else {})
    try:
        before = cluster.find(document.kind, document.name)
        after = cluster.apply(document.kind, document.raw, query)
    except UnreachableError:
        raise
    except UsageError as error:
        raise UsageError(document.says(error)) from error
    verb = "created" if before is None else "configured"
    if before is not None and _written(before) == _written(after):
        verb = "unchanged"
    return f"{document.kind.name.lower()}/{document.name} {verb}{' (dry run)' if dry_run else ''}"


def _written(raw: dict[str, Any]) -> dict[str, Any]:
    """What users write of an object."""
    metadata = raw["metadata"]
    kept = {key: metadata.get(key) for key in ("labels", "annotations", "ownerReferences")}
    return {"metadata": kept, "spec": raw.get("spec")}
