"""`delete`: executions removed by name, or those that ended long ago."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.cli.connection import Cluster, Raw, Target
from orchestrator.cli.durations import read_duration
from orchestrator.cli.errors import (
    ForbiddenError,
    NotFoundError,
    UnreachableError,
    UsageError,
    in_options,
)
from orchestrator.cli.kinds import name_in
from orchestrator.cli.listing import Query, list_kind
from orchestrator.cli.printing import now
from orchestrator.cli.terminal import say
from orchestrator.commands.delete import delete, is_older
from orchestrator.kube.resources import EXECUTIONS, WORKFLOWS


@dataclass(frozen=True)
class Doomed:
    """Which executions are to be deleted."""

    names: Sequence[str] = ()
    older: str | None = None
    labels: str | None = None
    workflow: str | None = None
    force: bool = False
    dry_run: bool = False


def delete_executions(target: Target, doomed: Doomed) -> int:
    """Delete executions; of those named, all or none."""
    selecting = doomed.older or doomed.labels or doomed.workflow
    if not doomed.names and not selecting:
        raise UsageError("name executions, or select ended ones with --older, -l or --workflow")
    if doomed.names and selecting:
        raise UsageError("--older, -l and --workflow select executions; name none beside them")
    cluster = target.connect()
    if doomed.names:
        found = [cluster.get(EXECUTIONS, word) for word in doomed.names]
    else:
        found = _selected(cluster, doomed)
    if not found:
        say(f"no execution of namespace {cluster.namespace} is to be deleted")
        return 0
    with in_options():
        deletions = delete(found, force=doomed.force, forcing="delete with --force")
    failed = 0
    for deletion in deletions:
        name = deletion.name
        if doomed.dry_run:
            say(f"workflowexecution/{name} deleted (dry run)")
            continue
        try:
            cluster.send(deletion)
        except (UnreachableError, ForbiddenError):
            raise
        except NotFoundError:
            pass  # somebody else was faster
        except UsageError as error:
            say(f"error: {name}: {error}", file=sys.stderr)
            failed += 1
            continue
        say(f"workflowexecution/{name} deleted, with its Jobs and pods", flush=True)
    return 2 if failed else 0


def _selected(cluster: Cluster, doomed: Doomed) -> list[Raw]:
    """The executions that ended so long ago; with --force also those that have not ended."""
    before = now() - (read_duration("--older", doomed.older) if doomed.older else 0.0)
    fields = None
    if doomed.workflow:
        fields = f"spec.workflow={name_in(WORKFLOWS, doomed.workflow)}"

    def keep(item: Raw) -> bool:
        return is_older(item, before, force=doomed.force)

    query = Query(labels=doomed.labels, fields=fields, keep=keep)
    return list_kind(cluster, EXECUTIONS, query)[0]
