"""`signal`: sends a signal to an execution, for a node that waits for it or will."""

from __future__ import annotations

import json
import uuid

from orchestrator.cli.connection import Raw, Target
from orchestrator.cli.terminal import say
from orchestrator.kube.resources import EXECUTIONS
from orchestrator.operations.signal import PAYLOAD, signal
from orchestrator.session.errors import UsageError, in_options


def send_signal(
    target: Target, name: str, signalled: str, payload: str | None, identity: str | None
) -> int:
    """Send a signal in the user's own name."""
    cluster = target.connect()
    execution = cluster.get(EXECUTIONS, name)
    identity = identity or uuid.uuid4().hex[:16]
    read = None if payload is None else _payload(payload)
    with in_options({PAYLOAD: "--payload"}):
        write = signal(execution, signalled, by=cluster.user, identity=identity, payload=read)
    cluster.send(write)
    say(f"workflowexecution/{execution['metadata']['name']}: sent {signalled} as {identity}")
    return 0


def _payload(text: str) -> Raw:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise UsageError("""--payload: write a JSON object such as '{"ready": true}'""")
    return value
