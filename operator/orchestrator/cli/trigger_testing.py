"""`trigger test`: what a Trigger would do with an event, on a cluster or without one."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestrator.cli.connection import Cluster, Raw, Target
from orchestrator.cli.linting import connect_if_possible
from orchestrator.cli.printing import now
from orchestrator.cli.terminal import say
from orchestrator.cli.trigger_sending import Given, choose_trigger, content_of
from orchestrator.formats.yaml_dumper import to_yaml
from orchestrator.kube.resources import TRIGGERS, WORKFLOWS
from orchestrator.operations.trigger import called, next_event
from orchestrator.operations.trigger_dry_run import TriggerDryRun, dry_run_event, event_from
from orchestrator.operations.trigger_request import events_of
from orchestrator.session.checking import lint_documents
from orchestrator.session.errors import UsageError, in_options
from orchestrator.session.manifests import Document, read_documents
from orchestrator.session.references import References
from orchestrator.session.trigger_starts import read_on_cluster
from orchestrator.triggers.registry import Trigger
from orchestrator.triggers.sources import Clock, Event, Requests


@dataclass(frozen=True)
class Tested:
    """What a Trigger is tested with: an event, or a request of which the receiver makes events."""

    event: str | None = None
    """A file with the event."""
    request: Given = field(default_factory=Given)
    """The request; it has a body, or headers, if there is one."""

    @property
    def is_request(self) -> bool:
        """Whether it is a request."""
        return self.request.body is not None or bool(self.request.headers)


def test_trigger(target: Target, file: str, tested: Tested, name: str, *, offline: bool) -> int:
    """Print whether the Trigger of a file would start an execution; returns 1 if it would not."""
    if tested.event is not None and tested.is_request:
        raise UsageError("--event, --body, --header: give an event or a request")
    documents, problems = read_documents([file])
    if problems:
        raise UsageError("\n".join(problems))
    document = choose_trigger(documents, file, name, "with --name")
    cluster, _ = connect_if_possible(target, offline=offline)
    trigger = _known(document, cluster)
    read = read_on_cluster(trigger)
    _check_workflow(documents, document, read.spec.workflow, cluster)
    references = References(documents, cluster)
    workflow = references.started(document, read.spec.workflow)
    names = references.names(document)
    if workflow is None and names is None:
        say(f"not checked without a cluster: Workflow {read.spec.workflow}", file=sys.stderr)
    fires = True
    events = _events(trigger, read, tested, cluster)
    if isinstance(events, str):
        _print(trigger, read, TriggerDryRun(False, events, "", {}))
        return 1
    for event in events:
        with in_options():
            result = dry_run_event(trigger, read, event, workflow, names)
        _print(trigger, read, result)
        fires = fires and result.fires
    return 0 if fires else 1


def _check_workflow(
    documents: Sequence[Document], trigger: Document, name: str, cluster: Cluster | None
) -> None:
    """Raises UsageError if the Workflow that the Trigger starts is in its file, and not valid."""
    started = [
        each
        for each in documents
        if (each.resource, each.name, each.namespace) == (WORKFLOWS, name, trigger.namespace)
    ]
    problems = lint_documents(documents, cluster).problems if started else []
    if wrong := [line for each in started for line in problems if line.startswith(each.says(""))]:
        raise UsageError("\n".join(wrong))


def _known(document: Document, cluster: Cluster | None) -> Raw:
    """The Trigger as written, with the uid of the one on the cluster if there is one."""
    metadata = {"namespace": "", **document.raw["metadata"]}
    if cluster is not None:
        within = cluster.within(document.namespace)
        metadata["namespace"] = within.namespace
        stored = within.find(TRIGGERS, document.name)
        if stored is not None:
            metadata["uid"] = stored["metadata"]["uid"]
    return {**document.raw, "metadata": metadata}


def _events(
    trigger: Raw, read: Trigger, tested: Tested, cluster: Cluster | None
) -> Sequence[Event] | str:
    by_request = isinstance(read.type.source, Requests) and tested.event is None
    if not by_request and not tested.is_request:
        return [_event(trigger, read, tested.event)]
    if not tested.is_request:
        say("tested with a sample: give a body of your own with --body FILE", file=sys.stderr)
    caller = "" if cluster is None else cluster.user
    identity = tested.request.identity or "test"
    with in_options():
        return events_of(trigger, read, content_of(tested.request), identity, now(), caller)


def _event(trigger: Raw, read: Trigger, given: str | None) -> Event:
    source = read.type.source
    if given is not None:
        with in_options():
            return event_from(read, _read_event(given), now())
    if isinstance(source, Clock):
        with_uid = {**trigger, "metadata": {"uid": "", **trigger["metadata"]}}
        with in_options():
            return next_event(with_uid, read, source, now())
    sample = read.type.sample(read.settings, now())
    if sample is None:
        raise UsageError(f"{called(trigger)} fires for an event: give it as JSON with --event FILE")
    say("tested with a sample: give an event of your own with --event FILE", file=sys.stderr)
    return event_from(read, sample, now())


def _read_event(file: str) -> Mapping[str, Any]:
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text()
        value = json.loads(text)
    except OSError as error:
        raise UsageError(f"--event: {file}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"--event: {file}: not JSON: {error}") from error
    if not isinstance(value, dict):
        raise UsageError(f"--event: {file}: an event is a JSON object")
    return value


def _print(trigger: Raw, read: Trigger, result: TriggerDryRun) -> None:
    workflow = f"workflow/{read.spec.workflow}"
    if not result.fires:
        say(f"{called(trigger)} would not start {workflow}: {result.why}")
        return
    say(f"{called(trigger)} would start {workflow}")
    say(
        f"  execution: {result.name or 'named by the uid that the Trigger gets when it is applied'}"
    )
    if result.variables:
        say("  variables:")
        for line in to_yaml(dict(result.variables)).splitlines():
            say(f"    {line}")
