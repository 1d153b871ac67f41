"""Executions: list them, read them, and control them."""

from __future__ import annotations

import time
import uuid
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from orchestrator.api import listing
from orchestrator.api.creation import IdempotencyKey, create_response, repeated_start
from orchestrator.api.dependencies import CallerOf
from orchestrator.api.execution_listing import ExecutionList, page_of_executions
from orchestrator.api.execution_targets import ExecutionOf
from orchestrator.api.identifiers import Namespaces, TargetOf
from orchestrator.api.openapi import returns
from orchestrator.api.problems import ProblemError
from orchestrator.api.request_bodies import Decision, Rerun, Signal
from orchestrator.api.responses import json_response, object_response
from orchestrator.kube.resources import EXECUTIONS, WORKFLOWS
from orchestrator.models.execution import ExecutionPhase
from orchestrator.models.nearest import did_you_mean
from orchestrator.operations.approvals import details_of, waiting_approval
from orchestrator.operations.decide import ApprovalDecision, Person, decide
from orchestrator.operations.desired_state import set_desired_state
from orchestrator.operations.signal import signal
from orchestrator.operations.writes import Unchanged
from orchestrator.session.cluster import Raw
from orchestrator.session.decisions import write_decision
from orchestrator.session.durations import read_duration
from orchestrator.session.execution_filter import ExecutionFilter
from orchestrator.session.explaining import explain_on_cluster
from orchestrator.session.permission import require
from orchestrator.session.rerunning import rerun_from, rerun_with_variables, source_workflow
from orchestrator.session.revisions import load_graph

router = APIRouter(tags=["executions"])
EXECUTION = returns("WorkflowExecution", "The execution.")
NodeName = Annotated[str, Path(max_length=63, description="The name of the node.")]
Since = Annotated[
    str, Query(max_length=32, description="Created within this time, such as `2h` or `7d`.")
]


@router.get(
    "/executions", responses=returns("WorkflowExecutionList", "A page, without their nodes.")
)
def list_executions(
    caller: CallerOf,
    namespace: Namespaces = [],  # noqa: B006 - FastAPI copies it
    phase: Annotated[
        list[ExecutionPhase],
        Query(max_length=8, description="Only executions in this phase; repeatable."),
    ] = [],  # noqa: B006
    workflow: Annotated[
        str, Query(max_length=63, pattern=r"^[-a-z0-9]*$", description="Only of this Workflow.")
    ] = "",
    since: Since = "",
    label: listing.Labels = "",
    recorded: Annotated[
        bool,
        Query(alias="fromHistory", description="Only executions whose objects have been removed."),
    ] = False,
    sort: listing.SortBy = "-created",
    limit: listing.Limit = 100,
    page: listing.Page = "",
) -> Response:
    """List executions, the newest first."""
    oldest = time.time() - read_duration("since", since) if since else None
    chosen = ExecutionFilter(workflow, frozenset(one.value for one in phase), oldest)
    asked = ExecutionList(chosen, namespace, label, sort, limit, page, recorded)
    return json_response(page_of_executions(caller, asked))


@router.get(
    "/workflows/{id}/executions",
    responses=returns("WorkflowExecutionList", "A page, without their nodes."),
)
def list_executions_of_workflow(
    target: TargetOf,
    phase: Annotated[
        list[ExecutionPhase],
        Query(max_length=8, description="Only executions in this phase; repeatable."),
    ] = [],  # noqa: B006
    since: Since = "",
    sort: listing.SortBy = "-created",
    limit: listing.Limit = 100,
    page: listing.Page = "",
) -> Response:
    """List the executions of a Workflow, the newest first."""
    cluster, found = target.find(WORKFLOWS)
    oldest = time.time() - read_duration("since", since) if since else None
    phases = frozenset(one.value for one in phase)
    chosen = ExecutionFilter(found["metadata"]["name"], phases, oldest)
    asked = ExecutionList(chosen, [cluster.namespace], "", sort, limit, page)
    return json_response(page_of_executions(target.caller, asked))


@router.get("/executions/{id}", responses=EXECUTION)
def read_execution(request: Request, target: ExecutionOf) -> Response:
    """Read an execution with the records of its nodes."""
    return object_response(target.execution()[1], request)


@router.get("/executions/{id}/nodes", responses=returns("NodeRecords", "The records by node."))
def list_nodes_of_execution(target: ExecutionOf) -> Response:
    """List the nodes that have started, with their records."""
    _, found = target.execution()
    return json_response({"items": records_of(found)})


@router.get("/executions/{id}/nodes/{node}", responses=returns("NodeRecord", "The record."))
def read_node_of_execution(target: ExecutionOf, node: NodeName) -> Response:
    """Read the record of a node that has started."""
    _, found = target.execution()
    records = records_of(found)
    if node not in records:
        name = found["metadata"]["name"]
        hint = did_you_mean(node, records)
        raise ProblemError(404, f"{name} has no node {node} that has started{hint}")
    return json_response({"node": node, **records[node]})


def records_of(execution: Raw) -> dict[str, Raw]:
    """The records of an execution's nodes, by name."""
    return (execution.get("status") or {}).get("nodes") or {}


@router.get("/executions/{id}/explain", responses=returns("Explanation", "Sentences."))
def explain_execution(
    target: ExecutionOf,
    node: Annotated[str, Query(max_length=63, description="Only this node.")] = "",
) -> Response:
    """Explain the states of an execution and its nodes, as `orchestrator explain` does."""
    cluster, found = target.execution()
    explained = explain_on_cluster(cluster, found, node or None, time.time())
    answer = {"execution": explained.execution, "nodes": dict(explained.nodes)}
    return json_response(answer | ({"unread": explained.unread} if explained.unread else {}))


@router.post("/executions/{id}/pause", responses=EXECUTION)
def pause_execution(target: ExecutionOf) -> Response:
    """Start nothing new; what runs goes on. Takes the verb `control`."""
    return _requested(target, "Paused")


@router.post("/executions/{id}/resume", responses=EXECUTION)
def resume_execution(target: ExecutionOf) -> Response:
    """Resume a paused execution. Takes the verb `control`."""
    return _requested(target, "Running")


@router.post("/executions/{id}/cancel", responses=EXECUTION)
def cancel_execution(
    target: ExecutionOf,
    force: Annotated[
        bool, Query(description="Terminate it: by force, without its `finally` nodes.")
    ] = False,
) -> Response:
    """Cancel an execution, which cannot be undone. Takes the verb `control`."""
    return _requested(target, "Terminated" if force else "Cancelled")


def _requested(target: ExecutionOf, state: str) -> Response:
    cluster, found = target.changeable("control")
    write = set_desired_state(found, state, by=cluster.user)
    if isinstance(write, Unchanged):
        return object_response(found)
    return object_response(cluster.send(write))


@router.post(
    "/executions/{id}/rerun",
    status_code=201,
    responses=returns("WorkflowExecution", "The new execution.", 201)
    | returns("WorkflowExecution", "An earlier request with the same key created it."),
)
def rerun_execution(
    request: Request,
    target: ExecutionOf,
    body: Rerun | None = None,
    idempotency_key: IdempotencyKey = "",
) -> Response:
    """Run an ended execution again, as `orchestrator rerun` does. Takes the verb `rerun`, or with
    `variables` the right to create executions."""
    body = body or Rerun()
    cluster, source = target.execution()
    if body.variables and body.nodes:
        raise ProblemError(422, "variables: a run from some nodes keeps those of its source")
    if not body.variables:
        require(cluster, "rerun")
    content, of = body.model_dump(mode="json"), source["spec"]["workflow"]
    key = idempotency_key
    if answer := repeated_start(request, cluster, of, body.name, key, content):
        return answer
    workflow = source_workflow(cluster, source)
    name = body.name or ""
    if not body.variables:
        manifest = rerun_from(cluster, source, body.nodes, name, "from")
    elif workflow is None:
        called = source["spec"]["workflow"]
        raise ProblemError(403, f"you may not read Workflow {called}, which declares the variables")
    else:
        manifest = rerun_with_variables(cluster, source, workflow, body.variables, name)
    return create_response(request, cluster, EXECUTIONS, manifest, key, content)


@router.post("/executions/{id}/signal", responses=EXECUTION)
def send_signal(
    target: ExecutionOf,
    body: Signal,
    idempotency_key: IdempotencyKey = "",
) -> Response:
    """Send a signal in your own name. Takes the verb `signal`."""
    cluster, found = target.changeable("signal")
    identity = body.id or idempotency_key[:63] or uuid.uuid4().hex[:16]
    write = signal(found, body.name, by=cluster.user, identity=identity, payload=body.payload)
    return object_response(cluster.send(write))


@router.post("/executions/{id}/decide", responses=returns("Decided", "The decision."))
def decide_approval(target: ExecutionOf, body: Decision) -> Response:
    """Approve or reject in your own name; a decision that would not count is refused. Takes the
    verb `approve`."""
    cluster, found = target.changeable("approve")
    graph = load_graph(cluster, found)
    node = waiting_approval(found, graph, body.node)
    details = None if graph is None else details_of(found, graph, node)
    person = Person(cluster.user, cluster.groups)
    verdict = ApprovalDecision(body.decision, body.comment, body.inputs)
    entry = decide(details, node, person, verdict, now=time.time())
    replaced = write_decision(cluster, found, entry)
    return json_response(
        {"node": node, "decision": body.decision, "by": person.name}
        | ({"replaced": replaced} if replaced else {})
    )
