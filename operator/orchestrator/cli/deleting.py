"""`delete`: executions removed by name, or those that ended long ago."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.cli.connection import Cluster, Raw, Target
from orchestrator.cli.durations import read_duration
from orchestrator.cli.errors import ForbiddenError, NotFoundError, UnreachableError, UsageError
from orchestrator.cli.kinds import EXECUTIONS, WORKFLOWS, name_in
from orchestrator.cli.listing import Query, list_kind
from orchestrator.cli.printing import now
from orchestrator.cli.terminal import say
from orchestrator.cli.tree import EXIT_CODES
from orchestrator.engine.times import from_rfc3339


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
    found = _named(cluster, doomed) if doomed.names else _selected(cluster, doomed)
    if not found:
        say(f"no execution of namespace {cluster.namespace} is to be deleted")
        return 0
    failed = 0
    for execution in found:
        name = execution["metadata"]["name"]
        if doomed.dry_run:
            say(f"workflowexecution/{name} deleted (dry run)")
            continue
        try:
            cluster.delete(EXECUTIONS, name, uid=execution["metadata"]["uid"])
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


def _named(cluster: Cluster, doomed: Doomed) -> list[Raw]:
    found = {}
    for word in doomed.names:
        execution = cluster.get(EXECUTIONS, word)
        found[execution["metadata"]["uid"]] = execution
    running = [one for one in found.values() if not _ended(one)]
    if running and not doomed.force:
        states = ", ".join(f"{one['metadata']['name']} is {_phase(one)}" for one in running)
        which = "it" if len(running) == 1 else "them"
        raise UsageError(f"{states}; cancel {which} first, or delete with --force")
    return list(found.values())


def _phase(execution: Raw) -> str:
    return str((execution.get("status") or {}).get("phase") or "Pending")


def _selected(cluster: Cluster, doomed: Doomed) -> list[Raw]:
    """The executions that ended so long ago; with --force also those that have not ended."""
    before = now() - (read_duration("--older", doomed.older) if doomed.older else 0.0)
    fields = None
    if doomed.workflow:
        fields = f"spec.workflow={name_in(WORKFLOWS, doomed.workflow)}"

    def keep(item: Raw) -> bool:
        if not _ended(item):
            return doomed.force and from_rfc3339(item["metadata"]["creationTimestamp"]) <= before
        status = item["status"]
        moment = status.get("finishedAt") or item["metadata"]["creationTimestamp"]
        return from_rfc3339(moment) <= before

    query = Query(labels=doomed.labels, fields=fields, keep=keep)
    return list_kind(cluster, EXECUTIONS, query)[0]


def _ended(execution: Raw) -> bool:
    return (execution.get("status") or {}).get("phase") in EXIT_CODES
