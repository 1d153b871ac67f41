"""Starts by hand that are made once: their inputs, and the execution that a request id names."""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.cli.approval_inputs import read_inputs
from orchestrator.cli.connection import Cluster, Raw
from orchestrator.cli.creating import Printed, create
from orchestrator.cli.printing import name_of, now
from orchestrator.cli.terminal import say
from orchestrator.kube.resources import EXECUTIONS
from orchestrator.models.labels import REQUEST_ID
from orchestrator.operations.inputs import fields_of
from orchestrator.operations.trigger import called
from orchestrator.session.errors import UsageError
from orchestrator.triggers.plan import execution_name
from orchestrator.triggers.registry import Trigger
from orchestrator.triggers.sources import Event
from orchestrator.triggers.types.manual import ByHand, request_identity, start, wrong_inputs

REPEATED = 5
"""The exit code when an earlier command has made the same request."""
MAX_REQUEST_ID = 128


@dataclass(frozen=True)
class Request:
    """What a person gives for a start."""

    assignments: Sequence[str] = ()
    """NAME=VALUE, each converted to the type in the schema."""
    inputs: str | None = None
    """All inputs as a JSON object."""
    id: str | None = None
    """The request: the same one starts one execution."""


NO_REQUEST = Request()
"""Neither inputs nor an id."""


def manual_event(read: Trigger, request: Request, person: str) -> Event:
    """The event of a start. Raises UsageError for inputs that its schema refuses."""
    settings = read.settings
    assert isinstance(settings, ByHand)
    inputs = _whole(request.inputs) | read_inputs(fields_of(settings.inputs), request.assignments)
    if words := wrong_inputs(settings, inputs):
        raise UsageError(f"--input: {words}")
    return start(inputs, request.id or str(uuid.uuid4()), now(), person)


def _whole(text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise UsageError("""--inputs: write a JSON object such as '{"service": "shop"}'""")
    return value


def request_name(trigger: Raw, request: Request) -> str:
    """The name of the execution of a request; empty for one without an id."""
    if request.id is None:
        return ""
    if not request.id or len(request.id) > MAX_REQUEST_ID or not request.id.isprintable():
        raise UsageError(f"--request-id: write 1 to {MAX_REQUEST_ID} printable characters")
    metadata = trigger["metadata"]
    return execution_name(metadata["name"], metadata["uid"], request_identity(request.id))


def create_for_request(
    cluster: Cluster,
    trigger: Raw,
    manifest: Mapping[str, Any],
    request: Request,
    printed: Printed,
    *,
    dry_run: bool,
) -> int:
    """Create the execution of a request, unless an earlier command has; returns the exit code."""
    if request.id is None:
        return create(cluster, dict(manifest), printed, dry_run=dry_run)
    metadata = {**manifest["metadata"], "annotations": {REQUEST_ID: request.id}}
    body = {**manifest, "metadata": metadata}
    if (found := cluster.find(EXECUTIONS, metadata["name"])) is not None:
        return _repeated(trigger, found, request)
    try:
        return create(cluster, body, printed, dry_run=dry_run)
    except UsageError:
        if (found := cluster.find(EXECUTIONS, metadata["name"])) is None:
            raise
        return _repeated(trigger, found, request)


def _repeated(trigger: Raw, found: Raw, request: Request) -> int:
    """Report the execution of an earlier request. Raises UsageError if it is of none."""
    annotations = found["metadata"].get("annotations") or {}
    if annotations.get(REQUEST_ID) != request.id:
        raise UsageError(
            f"{name_of(found)} exists and was not created for this request; use another "
            "--request-id"
        )
    by = found["spec"].get("requester") or "someone"
    message = f"request {request.id} of {called(trigger)} was made before, by {by}"
    say(f"{message}: {name_of(found)}; nothing was started", file=sys.stderr)
    return REPEATED
