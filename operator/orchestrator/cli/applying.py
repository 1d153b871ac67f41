"""`apply`: checks all manifests first, locally and on the server, and only then applies them.

Manifests of this API are checked by the operator's own rules, other kinds by the API server.
Namespaces and custom resource definitions are applied first, regardless of their order in the
files.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import Any, TextIO

from orchestrator.cli.connection import Cluster, Target
from orchestrator.cli.external_kinds import Resolved, resolve
from orchestrator.cli.terminal import say
from orchestrator.session.checking import check_documents
from orchestrator.session.errors import NotFoundError, UnreachableError, UsageError
from orchestrator.session.manifests import Document, read_documents

FIELD_MANAGER = "orchestrator-cli"
ESTABLISHED = 15.0
"""Seconds within which an API server serves a definition that was just applied."""
_FIRST = ("Namespace", "CustomResourceDefinition")


def apply_files(target: Target, files: list[str], *, dry_run: bool) -> int:
    """Apply everything; if anything is wrong, report it and apply nothing (exit code 2)."""
    documents, problems = read_documents(files)
    if not problems and not documents:
        raise UsageError(f"{', '.join(files)}: no manifest found")
    return apply_documents(target, documents, dry_run=dry_run, problems=problems)


def apply_documents(
    target: Target,
    documents: Sequence[Document],
    *,
    dry_run: bool,
    problems: Sequence[str] = (),
    stream: TextIO | None = None,
) -> int:
    """Apply manifests; `problems` are those that reading them has found."""
    found = [*problems, *(_elsewhere(one, target) for one in documents if _elsewhere(one, target))]
    found += check_documents(documents, None).problems
    if found:
        return _refuse(found)
    cluster = target.connect()
    findings = check_documents(documents, cluster)
    if findings.problems:
        return _refuse(findings.problems)
    for line in (*findings.warnings, *findings.unchecked):
        say(line, file=sys.stderr)
    resolved, found = resolve(cluster, sorted(documents, key=_rank))
    if found:
        return _refuse(found)
    tried, found = _try(cluster, resolved)
    if found:
        return _refuse(found)
    for line in tried if dry_run else (_apply(cluster, item, dry_run=False) for item in resolved):
        say(line, file=stream or sys.stdout, flush=True)
    return 0


def _rank(document: Document) -> int:
    name = document.resource.kind
    return _FIRST.index(name) if name in _FIRST else len(_FIRST)


def _refuse(problems: Sequence[str]) -> int:
    say("\n".join(problems), file=sys.stderr)
    return 2


def _elsewhere(document: Document, target: Target) -> str:
    own = document.namespace
    if not own or target.namespace in (None, own):
        return ""
    return document.says(f"metadata.namespace: is {own}, but -n {target.namespace} was given")


def _try(cluster: Cluster, resolved: Sequence[Resolved]) -> tuple[list[str], list[str]]:
    """What the API server would change, and what it would refuse."""
    tried, problems = [], []
    for item in resolved:
        if item.waits:  # for a namespace or a definition in the same files that does not exist yet
            tried.append(_said(item.document, "created", dry_run=True))
            continue
        try:
            tried.append(_apply(cluster, item, dry_run=True))
        except UnreachableError:
            raise
        except UsageError as error:
            problems.append(str(error))
    return tried, problems


def _apply(cluster: Cluster, item: Resolved, *, dry_run: bool) -> str:
    document = item.document
    cluster = cluster.within(document.namespace)
    query = {"fieldManager": FIELD_MANAGER} | ({"dryRun": "All"} if dry_run else {})
    until = time.monotonic() + (ESTABLISHED if item.waits else 0.0)
    while True:
        try:
            before = cluster.find(document.resource, document.name)
            after = cluster.apply(document.resource, document.raw, query)
            break
        except UnreachableError:
            raise
        except UsageError as error:
            if not isinstance(error, NotFoundError) or time.monotonic() > until:
                raise UsageError(document.says(error)) from error
            time.sleep(0.5)
    verb = "created" if before is None else "configured"
    if before is not None and _written(before) == _written(after):
        verb = "unchanged"
    return _said(document, verb, dry_run=dry_run)


def _said(document: Document, verb: str, *, dry_run: bool) -> str:
    kind = document.resource.kind.lower()
    return f"{kind}/{document.name} {verb}{' (dry run)' if dry_run else ''}"


def _written(raw: dict[str, Any]) -> dict[str, Any]:
    """The part of an object that users write."""
    metadata = raw["metadata"]
    kept = {key: metadata.get(key) for key in ("labels", "annotations", "ownerReferences")}
    return {**raw, "metadata": kept, "status": None}
