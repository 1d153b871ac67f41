"""`trigger`: executions started as a Trigger would, its suspension, and when it fires next."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from orchestrator.cli.connection import Cluster, Raw, Target
from orchestrator.cli.creating import Printed, create, manifest
from orchestrator.cli.errors import UsageError
from orchestrator.cli.kinds import EXECUTIONS, TRIGGERS, WORKFLOWS
from orchestrator.cli.printing import now
from orchestrator.cli.startable import check_state, check_valid
from orchestrator.cli.tables import age, moment, print_table
from orchestrator.cli.terminal import say
from orchestrator.cli.variables import check_variables
from orchestrator.engine.times import to_rfc3339
from orchestrator.triggers.dispatch import Failed, Start, plan
from orchestrator.triggers.registry import REGISTRY, Trigger
from orchestrator.triggers.types import Clock, Event, Watch


@dataclass(frozen=True)
class Given:
    """The event that a Trigger is run with."""

    event: str | None = None
    """A JSON object."""
    of: str | None = None
    """An execution that has ended."""


def run_trigger(target: Target, name: str, given: Given, printed: Printed, *, dry_run: bool) -> int:
    """Start what the Trigger would start, in the user's name, suspended or not."""
    if dry_run and printed.watch:
        raise UsageError("--watch: a dry run creates nothing to watch")
    printed.format  # noqa: B018 - refuses a wrong one before anything is asked
    cluster = target.connect()
    trigger = cluster.get(TRIGGERS, name)
    read = _read(trigger)
    spec = read.spec
    planned = plan(trigger["metadata"], spec, _event(cluster, trigger, read, given))
    if isinstance(planned, Failed):
        raise UsageError(f"{_called(trigger)}: {planned.message}")
    if not isinstance(planned, Start):
        raise UsageError(f"spec.filter of {_called(trigger)} does not hold for this event")
    workflow = cluster.get(WORKFLOWS, spec.workflow)
    check_state(workflow)
    variables = planned.manifest["spec"].get("variables") or {}
    check_variables(spec.workflow, workflow["spec"], variables)
    check_valid(cluster, workflow)
    asked = {"workflow": spec.workflow, **({"variables": variables} if variables else {})}
    return create(cluster, manifest(cluster, None, asked), printed, dry_run=dry_run)


def suspend_triggers(target: Target, names: Sequence[str], *, suspend: bool) -> int:
    """Suspend Triggers, or resume them."""
    cluster = target.connect()
    triggers = [cluster.get(TRIGGERS, name) for name in names]
    state = "suspended" if suspend else "resumed"
    for trigger in triggers:
        if bool(trigger["spec"].get("suspend")) is suspend:
            say(f"{_called(trigger)} is {'already' if suspend else 'not'} suspended")
            continue
        cluster.patch(TRIGGERS, trigger["metadata"]["name"], {"spec": {"suspend": suspend}})
        say(f"{_called(trigger)} {state}")
    return 0


def print_next(target: Target, name: str | None, count: int | None) -> int:
    """Print when a Trigger fires next, or all of the namespace, the earliest first."""
    cluster = target.connect()
    if name is not None:
        trigger = cluster.get(TRIGGERS, name)
        read = _read(trigger)
        if not isinstance(read.type.source, Clock):
            raise UsageError(f"{_called(trigger)} has no schedule: it fires when its event happens")
        found = _moments(trigger, read, count or 5)
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
    """The next moments of a Trigger on the clock, jitter included, as the operator has them."""
    source, at = read.type.source, now()
    state = "suspended" if read.spec.suspend else ""
    zone = getattr(read.settings, "time_zone", "UTC")
    found: list[tuple[float, str, str, str]] = []
    while isinstance(source, Clock) and len(found) < count:
        due = source.due(read.settings, trigger["metadata"]["uid"], at, at, 0.0).again
        if due is None:
            break
        at = due
        shown = f"{datetime.fromtimestamp(at, ZoneInfo(zone)):%a %d %b %H:%M:%S} {zone}"
        found.append((at, trigger["metadata"]["name"], shown, state))
    return found


def _event(cluster: Cluster, trigger: Raw, read: Trigger, given: Given) -> Event:
    source = read.type.source
    on_executions = isinstance(source, Watch) and source.resource == EXECUTIONS.plural
    if given.event is not None and given.of is not None:
        raise UsageError("--event, --of: give one of them")
    if given.event is not None:
        return Event(read.type.key, "by hand", _object(given.event), now())
    if given.of is not None and not on_executions:
        raise UsageError(f"--of: {_called(trigger)} does not fire for executions")
    if isinstance(source, Clock):
        return _next_event(trigger, read, source)
    if given.of is None:
        of = "name an execution with --of, or " if on_executions else ""
        raise UsageError(f"{_called(trigger)} fires for an event: {of}give it with --event")
    execution = cluster.get(EXECUTIONS, given.of)
    if not source.matches(read.settings, execution):
        raise UsageError(
            f"{execution['metadata']['name']} is no execution that {_called(trigger)} fires for:"
            f" its Workflow is {execution['spec']['workflow']}, and its phase"
            f" {(execution.get('status') or {}).get('phase') or 'Pending'}"
        )
    return source.event(read.settings, execution)


def _next_event(trigger: Raw, read: Trigger, source: Clock[Any]) -> Event:
    """The event that comes next by the clock."""
    uid, at = trigger["metadata"]["uid"], now()
    due = source.due(read.settings, uid, at, at, 0.0).again
    events = () if due is None else source.due(read.settings, uid, due - 1, due, 0.0).events
    if not events:
        raise UsageError(f"{_called(trigger)} never fires again; give an event with --event")
    return events[-1]


def _read(trigger: Raw) -> Trigger:
    read = REGISTRY.read(trigger["spec"])
    if not isinstance(read, Trigger):
        problems = "\n  ".join(map(str, read))
        raise UsageError(f"{_called(trigger)} is not valid:\n  {problems}")
    return read


def _called(trigger: Raw) -> str:
    return f"trigger/{trigger['metadata']['name']}"


def _object(text: str) -> Mapping[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise UsageError("""--event: write a JSON object such as '{"name": "restart-1"}'""")
    return value
