"""`trigger`: starts executions as a Trigger would, suspends it, and shows when it fires next."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from orchestrator.cli.connection import Cluster, Raw, Target
from orchestrator.cli.creating import Printed
from orchestrator.cli.manual_starts import (
    NO_REQUEST,
    Request,
    create_for_request,
    manual_event,
    request_name,
)
from orchestrator.cli.printing import now
from orchestrator.cli.tables import age, moment, print_table
from orchestrator.cli.terminal import say
from orchestrator.engine.times import to_rfc3339
from orchestrator.kube.resources import EXECUTIONS, TRIGGERS, WORKFLOWS
from orchestrator.operations.trigger import (
    called,
    event_of,
    is_on_executions,
    next_event,
    next_moments,
    recorded_event,
    variables_for,
)
from orchestrator.operations.trigger import suspend as change
from orchestrator.operations.writes import Unchanged
from orchestrator.session.errors import UsageError, in_options
from orchestrator.session.startable import startable
from orchestrator.session.trigger_starts import read_on_cluster
from orchestrator.triggers.registry import REGISTRY, Trigger
from orchestrator.triggers.sources import Clock, Event, Manual


@dataclass(frozen=True)
class GivenEvent:
    """The event with which a Trigger is run."""

    event: str | None = None
    """A JSON object."""
    of: str | None = None
    """An execution that has ended."""
    replay: str | None = None
    """An execution that the Trigger started, for the event that it recorded."""
    request: Request = NO_REQUEST
    """The inputs of a start by hand, and the id of the request."""


def run_trigger(
    target: Target, name: str, given: GivenEvent, printed: Printed, *, dry_run: bool
) -> int:
    """Start the Trigger's execution in the user's name, whether or not the Trigger is suspended."""
    if dry_run and printed.watch:
        raise UsageError("--watch: a dry run creates nothing to watch")
    printed.format  # noqa: B018 - refuses a wrong one before anything is asked
    cluster = target.connect()
    trigger = cluster.get(TRIGGERS, name)
    read = read_on_cluster(trigger)
    event = _event(cluster, trigger, read, given)
    with in_options():
        variables = variables_for(trigger, read, event)
    workflow = cluster.get(WORKFLOWS, read.spec.workflow)
    name = request_name(trigger, given.request)
    manifest = startable(cluster, workflow, variables, name)
    return create_for_request(cluster, trigger, manifest, given.request, printed, dry_run=dry_run)


def suspend_triggers(target: Target, names: Sequence[str], *, suspend: bool) -> int:
    """Suspend Triggers, or resume them."""
    cluster = target.connect()
    triggers = [cluster.get(TRIGGERS, name) for name in names]
    state = "suspended" if suspend else "resumed"
    for trigger in triggers:
        write = change(trigger, suspend=suspend)
        if isinstance(write, Unchanged):
            say(f"{called(trigger)} {write.message}")
            continue
        cluster.send(write)
        say(f"{called(trigger)} {state}")
    return 0


def print_next(target: Target, name: str | None, count: int | None) -> int:
    """Print when one Trigger fires next, or all in the namespace, the earliest first."""
    cluster = target.connect()
    if name is not None:
        trigger = cluster.get(TRIGGERS, name)
        read = read_on_cluster(trigger)
        if not isinstance(read.type.source, Clock):
            raise UsageError(f"{called(trigger)} has no schedule: it fires when its event happens")
        found = _moments(trigger, read, count or 10)
    else:
        found = []
        for trigger in cluster.list(TRIGGERS)["items"]:
            one = REGISTRY.read(trigger["spec"])
            if isinstance(one, Trigger):
                found += _moments(trigger, one, count or 1)
        found.sort(key=lambda pair: pair[0])
    if not found:
        say(f"no Trigger of namespace {cluster.namespace} has a schedule")
        return 0
    since = now()
    cells = [
        [called, moment(to_rfc3339(at)), local, age(at - since), state]
        for at, called, local, state in found
    ]
    print_table(["Trigger", "Next", "Local", "In", "State"], cells)
    return 0


def _moments(trigger: Raw, read: Trigger, count: int) -> list[tuple[float, str, str, str]]:
    """The next times of a Trigger with a schedule, with the columns of each."""
    state = "suspended" if read.spec.suspend else ""
    zone = getattr(read.settings, "time_zone", "UTC")
    return [
        (
            at,
            trigger["metadata"]["name"],
            f"{datetime.fromtimestamp(at, ZoneInfo(zone)):%a %d %b %H:%M:%S} {zone}",
            state,
        )
        for at in next_moments(trigger, read, now(), count)
    ]


def _event(cluster: Cluster, trigger: Raw, read: Trigger, given: GivenEvent) -> Event:
    source = read.type.source
    options = {"--event": given.event, "--of": given.of, "--replay": given.replay}
    if len(both := [option for option, value in options.items() if value is not None]) > 1:
        raise UsageError(f"{', '.join(both)}: give one of them")
    by_hand = isinstance(source, Manual)
    if not by_hand and (given.request.assignments or given.request.inputs is not None):
        raise UsageError(f"--input: {called(trigger)} is not of type manual; use --event")
    if by_hand and not both:
        return manual_event(read, given.request, cluster.user)
    if given.event is not None:
        return Event(read.type.key, "by hand", _object(given.event), now())
    if given.replay is not None:
        with in_options({"execution": "--replay"}):
            return recorded_event(trigger, read, cluster.get(EXECUTIONS, given.replay), now())
    if given.of is not None and not is_on_executions(read):
        raise UsageError(f"--of: {called(trigger)} does not fire for executions")
    if isinstance(source, Clock):
        with in_options(fix="give an event with --event"):
            return next_event(trigger, read, source, now())
    if given.of is None:
        of = "name an execution with --of, or " if is_on_executions(read) else ""
        raise UsageError(f"{called(trigger)} fires for an event: {of}give it with --event")
    execution = cluster.get(EXECUTIONS, given.of)
    with in_options():
        return event_of(trigger, read, execution)


def _object(text: str) -> Mapping[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise UsageError("""--event: write a JSON object such as '{"name": "restart-1"}'""")
    return value
