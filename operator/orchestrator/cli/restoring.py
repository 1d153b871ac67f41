"""`restore`: creates what a backup holds and writes the statuses that say what has happened."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace

from orchestrator.cli.connection import Cluster, Raw, Target
from orchestrator.cli.impersonation import Impersonation
from orchestrator.cli.printing import now
from orchestrator.cli.terminal import say
from orchestrator.kube.media_types import JSON_PATCH
from orchestrator.kube.resources import KINDS
from orchestrator.models.base import is_object_name
from orchestrator.operations.restore import (
    in_order,
    is_ended_by_it,
    needs_status,
    status_to_write,
    to_create,
)
from orchestrator.session.errors import UnreachableError, UsageError
from orchestrator.session.manifests import BACKUP, Document, read_documents

OPERATOR = "itechsmart-workflow/itechsmart-workflow-operator"
"""The operator's service account, as the installation names it."""


@dataclass(frozen=True)
class RestoreOptions:
    """The options of `restore`."""

    operator: str = OPERATOR
    dry_run: bool = False


@dataclass(frozen=True)
class _Restore:
    """One restoration."""

    cluster: Cluster
    operator: Cluster
    """The same cluster in the operator's name."""
    uids: dict[str, str]
    """New uids of objects, by those of the backup."""
    dry_run: bool

    def restore(self, document: Document) -> str:
        """Restore one object; returns what was done. Raises UsageError."""
        raw, kind = document.raw, document.resource
        cluster = self.cluster.within(document.namespace)
        existing = cluster.find(kind, document.name)
        if existing is None and self.dry_run:
            cluster.create(kind, to_create(raw, self.uids), dry_run=True)
            return "restored (dry run)"
        there = existing or cluster.create(kind, to_create(raw, self.uids))
        self._note(raw, there)
        if existing is not None and (self.dry_run or not needs_status(existing, raw)):
            return "exists: kept as it is"
        status = status_to_write(raw, now())
        if status is not None:
            self._write_status(document, there["metadata"]["uid"], status)
        return (
            "restored; it had not ended, so it is Cancelled" if is_ended_by_it(raw) else "restored"
        )

    def _note(self, raw: Raw, there: Raw) -> None:
        uid = raw["metadata"].get("uid")
        if isinstance(uid, str):
            self.uids[uid] = there["metadata"]["uid"]

    def _write_status(self, document: Document, uid: str, status: Raw) -> None:
        # A JSON patch, because a merge patch drops the nulls of outputs.
        body = [
            {"op": "test", "path": "/metadata/uid", "value": uid},
            {"op": "add", "path": "/status", "value": status},
        ]
        operator = self.operator.within(document.namespace)
        path = operator.path(document.resource, document.name, "status")
        operator.request("PATCH", path, body=body, content_type=JSON_PATCH)


def restore_files(target: Target, files: list[str], options: RestoreOptions) -> int:
    """Restore everything that can be; exit code 2 if anything could not."""
    account = _account(options.operator)
    documents, problems = read_documents(files, BACKUP)
    problems += [
        one.says("is not of this API: restore it by kubectl") for one in _others(documents)
    ]
    if problems:
        say("\n".join(problems), file=sys.stderr)
        return 2
    if not documents:
        raise UsageError(f"{', '.join(files)}: no object found")
    impersonated = replace(target, impersonation=Impersonation(user=account))
    restore = _Restore(target.connect(), impersonated.connect(), {}, options.dry_run)
    failed = 0
    for document in _in_order(documents):
        where = f"{document.namespace}/" if document.namespace else ""
        name = f"{document.resource.kind.lower()} {where}{document.name}"
        try:
            say(f"{name}: {restore.restore(document)}", flush=True)
        except UnreachableError:
            raise
        except UsageError as error:
            failed += 1
            say(f"error: {name}: {error}", file=sys.stderr)
    return 2 if failed else 0


def _account(text: str) -> str:
    namespace, slash, name = text.partition("/")
    if not (slash and is_object_name(namespace) and is_object_name(name)):
        raise UsageError(f"--operator: {text!r} is not NAMESPACE/NAME, such as {OPERATOR}")
    return f"system:serviceaccount:{namespace}:{name}"


def _others(documents: Sequence[Document]) -> list[Document]:
    return [one for one in documents if one.resource not in KINDS]


def _in_order(documents: Sequence[Document]) -> list[Document]:
    by_raw = {id(one.raw): one for one in documents}
    return [by_raw[id(raw)] for raw in in_order(one.raw for one in documents)]
