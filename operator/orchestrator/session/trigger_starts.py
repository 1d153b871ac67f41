"""The event with which a Trigger is fired by hand, and what it would do with one."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.kube.resources import EXECUTIONS, WORKFLOWS
from orchestrator.operations.errors import CommandError, conflict, invalid
from orchestrator.operations.trigger import (
    called,
    event_of,
    is_on_executions,
    next_event,
    read_trigger,
    variables_for,
)
from orchestrator.operations.trigger_dry_run import TriggerDryRun, dry_run_event, event_from
from orchestrator.session.cluster import Cluster, Raw
from orchestrator.session.errors import UsageError
from orchestrator.session.startable import startable
from orchestrator.triggers.registry import Trigger
from orchestrator.triggers.sources import Clock, Event, Manual
from orchestrator.triggers.types.manual import ByHand, start, wrong_inputs


@dataclass(frozen=True, slots=True)
class HandEvent:
    """What a person gives of an event; all of it may be missing."""

    data: Mapping[str, Any] | None = None
    inputs: Mapping[str, Any] | None = None
    """Of a Trigger of the type manual."""
    execution: str | None = None
    """An ended execution, for a Trigger that fires for executions."""


def read_on_cluster(trigger: Raw) -> Trigger:
    """The Trigger of an object on the cluster. Raises UsageError if it is not valid."""
    try:
        return read_trigger(trigger)
    except CommandError as error:
        problems = "\n  ".join(map(str, error.problems))
        raise UsageError(f"{called(trigger)} is not valid:\n  {problems}") from error


def event_by_hand(
    cluster: Cluster, trigger: Raw, read: Trigger, given: HandEvent, now: float
) -> Event:
    """The event to fire with. Raises CommandError or UsageError."""
    source = read.type.source
    if isinstance(source, Manual) and given.data is None:
        assert isinstance(read.settings, ByHand)
        inputs = dict(given.inputs or {})
        if words := wrong_inputs(read.settings, inputs):
            raise invalid("inputs", words)
        return start(inputs, str(uuid.uuid4()), now, cluster.user)
    if given.inputs is not None:
        raise invalid("inputs", f"{called(trigger)} is not of type manual; give an event")
    if given.data is not None:
        return Event(read.type.key, "by hand", given.data, now)
    if given.execution is not None:
        return event_of(trigger, read, cluster.get(EXECUTIONS, given.execution))
    if isinstance(source, Clock):
        return next_event(trigger, read, source, now)
    fix = "give an event"
    if is_on_executions(read):
        fix += ", or name an execution"
    raise conflict("event", f"{called(trigger)} fires for an event", fix)


def fired(cluster: Cluster, trigger: Raw, given: HandEvent, now: float) -> Raw:
    """The execution that the Trigger starts in the user's name, suspended or not."""
    read = read_on_cluster(trigger)
    event = event_by_hand(cluster, trigger, read, given, now)
    variables = variables_for(trigger, read, event)
    return startable(cluster, cluster.get(WORKFLOWS, read.spec.workflow), variables)


def tested(cluster: Cluster, trigger: Raw, given: HandEvent, now: float) -> TriggerDryRun:
    """What the Trigger would do with the event, or with a sample of its type."""
    read = read_on_cluster(trigger)
    try:
        event = event_by_hand(cluster, trigger, read, given, now)
    except CommandError:
        sample = read.type.sample(read.settings, now)
        if given != HandEvent() or sample is None:
            raise
        event = event_from(read, sample, now)
    if given.data is not None:
        event = event_from(read, given.data, now)
    workflow = cluster.find(WORKFLOWS, read.spec.workflow)
    names = cluster.known_names(WORKFLOWS)
    return dry_run_event(
        trigger, read, event, None if workflow is None else workflow["spec"], names
    )
