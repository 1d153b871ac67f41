"""`trigger backfill`: starts the executions of a schedule's past slots."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from orchestrator.cli.connection import Cluster, Target
from orchestrator.cli.printing import now
from orchestrator.cli.terminal import say
from orchestrator.engine.times import to_rfc3339
from orchestrator.kube.resources import EXECUTIONS, TRIGGERS, WORKFLOWS
from orchestrator.operations.backfill import BackfilledSlot, Period, backfill
from orchestrator.session.errors import UsageError, in_options
from orchestrator.session.startable import check_unjudged
from orchestrator.session.trigger_starts import read_on_cluster

_OPTIONS = {"from": "--from", "to": "--to", "limit": "--limit"}


def backfill_trigger(
    target: Target, name: str, start: str, end: str, limit: int, *, dry_run: bool
) -> int:
    """Create an execution for each slot of a period that has none, oldest first."""
    cluster = target.connect()
    trigger = cluster.get(TRIGGERS, name)
    read = read_on_cluster(trigger)
    zone = getattr(read.settings, "time_zone", "UTC")
    period = Period(_moment("--from", start, zone), _moment("--to", end, zone), limit)
    workflow = cluster.get(WORKFLOWS, read.spec.workflow)
    with in_options(_OPTIONS):
        slots = backfill(trigger, read, workflow, period, now(), cluster.user)
    check_unjudged(cluster, workflow)
    created = 0
    for slot in slots:
        state, name = _start(cluster, slot, dry_run=dry_run)
        created += state == "created"
        say(f"{to_rfc3339(slot.at)}  {state}{f'  {name}' if name else ''}")
    say(f"{created} of {len(slots)} slots created{' (dry run)' if dry_run else ''}")
    return 0


def _start(cluster: Cluster, slot: BackfilledSlot, *, dry_run: bool) -> tuple[str, str]:
    """What became of a slot, and the name of its execution."""
    if slot.manifest is None:
        return "filtered", ""
    name: str = slot.manifest["metadata"]["name"]
    if cluster.find(EXECUTIONS, name) is not None:
        return "exists", name
    try:
        cluster.create(EXECUTIONS, slot.manifest, dry_run=dry_run)
    except UsageError:
        if dry_run or cluster.find(EXECUTIONS, name) is None:
            raise
        return "exists", name  # another backfill created it in the meantime
    return "created", name


def _moment(option: str, text: str, zone: str) -> float:
    """A moment in seconds since the epoch; without an offset, in the schedule's time zone."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            f"{option}: write a time such as 2026-11-01T00:00, in the schedule's time zone, or"
            " 2026-11-01T00:00:00Z"
        ) from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(zone))
    return moment.timestamp()
