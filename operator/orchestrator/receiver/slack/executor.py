"""Executes a click as the Kubernetes user behind it: the API server's policies apply.

The receiver impersonates exactly the users and groups that its role names. What it reads and
writes here, it reads and writes with that user's rights.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from orchestrator.engine.graph import Graph
from orchestrator.engine.lifecycle.revision import thaw
from orchestrator.engine.times import from_rfc3339
from orchestrator.kube.client import ApiClient, ApiError
from orchestrator.kube.resources import CONTROLLER_REVISIONS, EXECUTIONS
from orchestrator.operations.approvals import details_of, waiting_approval
from orchestrator.operations.decide import APPROVE, REJECT, ApprovalDecision, Person, decide
from orchestrator.operations.entries import decision_of
from orchestrator.operations.errors import CommandError, conflict
from orchestrator.operations.signal import signal
from orchestrator.operations.writes import Apply, Edit, Raw
from orchestrator.receiver.slack.interaction import Click, Interaction

MAX_TRIES = 5
"""Maximum number of tries to replace a decision while others write."""
_VERBS = {Click.APPROVE: APPROVE, Click.REJECT: REJECT}
_DONE = {Click.APPROVE: "approved", Click.REJECT: "rejected", Click.SIGNAL: "sent"}


async def execute(
    client_for: Callable[[Person], ApiClient], person: Person, interaction: Interaction
) -> str:
    """Decide or signal; returns a message with the result.

    Raises CommandError if the click is not valid, and ApiError if the API server refuses it.
    """
    client = client_for(person)
    try:
        return await _act(client, person, interaction)
    finally:
        await client.close()


async def _act(client: ApiClient, person: Person, click: Interaction) -> str:
    for attempt in range(MAX_TRIES):
        execution = await client.get(EXECUTIONS, click.namespace, click.execution)
        if execution["metadata"]["uid"] != click.uid:
            raise conflict("metadata.uid", f"{click.execution} is another execution now")
        write = await _write(client, person, click, execution)
        try:
            await _send(client, click, write)
        except ApiError as error:
            changed = isinstance(write, Edit) and error.status in (409, 422)
            if not changed or attempt == MAX_TRIES - 1:
                raise
        else:
            where = f"{click.execution} in {click.namespace}"
            return f"{person.name} {_DONE[click.click]} {click.subject} of {where}"
    raise AssertionError("the last try either returns or raises")


async def _write(
    client: ApiClient, person: Person, click: Interaction, execution: Raw
) -> Apply | Edit:
    if click.click is Click.SIGNAL:
        identity = hashlib.sha256(f"{click.user}/{click.at}/{click.subject}".encode()).hexdigest()
        return signal(execution, click.subject, by=person.name, identity=f"slack-{identity[:16]}")
    _check_newest(execution, person, click)
    graph = await _graph(client, execution)
    node = waiting_approval(execution, graph, click.subject)
    details = None if graph is None else details_of(execution, graph, node)
    verdict = ApprovalDecision(_VERBS[click.click], "by Slack")
    write, _ = decision_of(execution, decide(details, node, person, verdict, now=click.at))
    return write


def _check_newest(execution: Raw, person: Person, click: Interaction) -> None:
    """Refuse a click that is not newer than the user's decision: a redelivery by Slack, or a replay
    by an attacker."""
    for entry in execution["spec"].get("decisions") or ():
        if (entry["node"], entry["by"]) != (click.subject, person.name):
            continue
        if from_rfc3339(entry.get("at") or "1970-01-01T00:00:00Z") >= click.at - 0.000_5:
            raise conflict(
                "spec.decisions", f"{person.name} has decided on {click.subject} since this click"
            )


async def _graph(client: ApiClient, execution: Raw) -> Graph | None:
    """The graph of an execution; None if the user may not read it."""
    revision = (execution.get("status") or {}).get("revision")
    if not revision:
        return None
    try:
        namespace = execution["metadata"]["namespace"]
        raw = await client.get(CONTROLLER_REVISIONS, namespace, revision)
        return thaw(revision, raw["data"])
    except ApiError as error:
        if error.status not in (403, 404):
            raise
    except ValueError:
        pass
    return None


async def _send(client: ApiClient, click: Interaction, write: Apply | Edit) -> None:
    if isinstance(write, Edit):
        await client.patch(EXECUTIONS, click.namespace, write.name, write.steps)
    else:
        await client.apply(EXECUTIONS, click.namespace, write.manifest, field_manager=write.manager)


def refusal(error: CommandError | ApiError, person: Person, click: Interaction) -> str:
    """The message to the user about a click that was refused."""
    if isinstance(error, CommandError):
        return error.words + (f"; {error.fix}" if error.fix else "")
    if error.status == 403 and "impersonate" in error.message:
        return f"the receiver may not act for {person.name}; an administrator allows it"
    if error.status == 404:
        return f"there is no execution {click.execution} in {click.namespace} that you can see"
    if error.status in (400, 403, 409, 422):
        return error.message
    return "the API server does not answer; try again"
