"""`delete`: deletes executions by name, or those that ended a given time ago."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.cli.connection import Cluster, Raw, Target
from orchestrator.cli.listing import Query, list_kind
from orchestrator.cli.printing import now
from orchestrator.cli.terminal import say
from orchestrator.kube.resources import EXECUTIONS, WORKFLOWS
from orchestrator.operations.delete import delete, is_older
from orchestrator.session.durations import read_duration
from orchestrator.session.errors import (
    ForbiddenError,
    NotFoundError,
    UnreachableError,
    UsageError,
    in_options,
)
from orchestrator.session.kinds import name_in


@dataclass(frozen=True)
class DeleteOptions:
    """The options of `delete`."""

    names: Sequence[str] = ()
    older: str | None = None
    labels: str | None = None
    workflow: str | None = None
    force: bool = False
    dry_run: bool = False


def delete_executions(target: Target, options: DeleteOptions) -> int:
    """Delete executions; named executions are deleted all or none."""
    selecting = options.older or options.labels or options.workflow
    if not options.names and not selecting:
        raise UsageError("name executions, or select ended ones with --older, -l or --workflow")
    if options.names and selecting:
        raise UsageError("--older, -l and --workflow select executions; do not name any as well")
    cluster = target.connect()
    if options.names:
        found = [cluster.get(EXECUTIONS, word) for word in options.names]
    else:
        found = _selected(cluster, options)
    if not found:
        say(f"no execution of namespace {cluster.namespace} is to be deleted")
        return 0
    with in_options():
        deletions = delete(found, force=options.force, forcing="delete with --force")
    failed = 0
    for deletion in deletions:
        name = deletion.name
        if options.dry_run:
            say(f"workflowexecution/{name} deleted (dry run)")
            continue
        try:
            cluster.send(deletion)
        except (UnreachableError, ForbiddenError):
            raise
        except NotFoundError:
            pass  # already deleted by someone else
        except UsageError as error:
            say(f"error: {name}: {error}", file=sys.stderr)
            failed += 1
            continue
        say(f"workflowexecution/{name} deleted, with its Jobs and pods", flush=True)
    return 2 if failed else 0


def _selected(cluster: Cluster, options: DeleteOptions) -> list[Raw]:
    """The executions that ended long enough ago; with --force, also those that have not ended."""
    before = now() - (read_duration("--older", options.older) if options.older else 0.0)
    fields = None
    if options.workflow:
        fields = f"spec.workflow={name_in(WORKFLOWS, options.workflow)}"

    def keep(item: Raw) -> bool:
        return is_older(item, before, force=options.force)

    query = Query(labels=options.labels, fields=fields, keep=keep)
    return list_kind(cluster, EXECUTIONS, query)[0]
