"""`apply`: manifests checked first, all of them, and only then applied."""

from __future__ import annotations

import sys
from typing import Any

from orchestrator.cli.checking import check_documents
from orchestrator.cli.connection import Cluster, Target
from orchestrator.cli.errors import UnreachableError, UsageError
from orchestrator.cli.manifests import Document, read_documents

FIELD_MANAGER = "orchestrator-cli"


def apply_files(target: Target, files: list[str], *, dry_run: bool) -> int:
    """Apply everything, or say what is wrong and apply nothing (exit code 2)."""
    documents, problems = read_documents(files)
    problems += [_elsewhere(item, target) for item in documents if _elsewhere(item, target)]
    problems += check_documents(documents, None)
    if not problems and not documents:
        raise UsageError(f"{', '.join(files)}: there is no manifest in it")
    cluster = None
    if not problems:
        cluster = target.connect()
        problems = check_documents(documents, cluster)
    if cluster is None or problems:
        print("\n".join(problems), file=sys.stderr)
        return 2
    for document in documents:
        print(_apply(cluster, document, dry_run=dry_run), flush=True)
    return 0


def _elsewhere(document: Document, target: Target) -> str:
    own = document.namespace
    if not own or target.namespace in (None, own):
        return ""
    return document.says(f"metadata.namespace: is {own}, but -n {target.namespace} was given")


def _apply(cluster: Cluster, document: Document, *, dry_run: bool) -> str:
    cluster = cluster.within(document.namespace)
    query = {"fieldManager": FIELD_MANAGER} | ({"dryRun": "All"} if dry_run else {})
    try:
        before = cluster.find(document.kind, document.name)
        after = cluster.apply(document.kind, document.raw, query)
    except UnreachableError:
        raise
    except UsageError as error:
        raise UsageError(document.says(str(error))) from error
    verb = "created" if before is None else "configured"
    if before is not None and _written(before) == _written(after):
        verb = "unchanged"
    return f"{document.kind.name.lower()}/{document.name} {verb}{' (dry run)' if dry_run else ''}"


def _written(raw: dict[str, Any]) -> dict[str, Any]:
    """What users write of an object."""
    metadata = raw["metadata"]
    kept = {key: metadata.get(key) for key in ("labels", "annotations", "ownerReferences")}
    return {"metadata": kept, "spec": raw.get("spec")}
