"""Builds the manifests of executions that users, triggers and sub-workflow nodes start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.engine.children.sub_execution import child_depth
from orchestrator.engine.people.initiator import UNKNOWN
from orchestrator.engine.status.records import Run
from orchestrator.engine.trace_context import ExecutionTrace
from orchestrator.models.base import API_VERSION, Json
from orchestrator.models.labels import MANAGED_BY, MANAGER, PARENT_UID, TRACEPARENT, WORKFLOW
from orchestrator.operations.errors import Cause, CommandError, conflict
from orchestrator.operations.writes import EXECUTION, Manifest, Raw
from orchestrator.triggers.plan import PlannedExecution
from orchestrator.validation.problem import Problem
from orchestrator.validation.starting import (
    list_variables,
    problems_of_variables,
    refused_as_invalid,
    refused_state,
)


def execution_manifest(spec: Mapping[str, Any], *, name: str = "", **metadata: Any) -> Manifest:
    """The manifest of an execution, without the fields of the spec that are None.

    Without a name, the API server generates one. Other keywords are fields of the metadata.
    """
    naming = {"name": name} if name else {"generateName": f"{spec['workflow']}-"}
    return {
        "apiVersion": API_VERSION,
        "kind": EXECUTION,
        "metadata": {**naming, **metadata},
        "spec": {key: value for key, value in spec.items() if value is not None},
    }


def start_workflow(
    workflow: Raw, variables: Mapping[str, Json], *, requester: str, name: str = ""
) -> Manifest:
    """The execution of a Workflow in the requester's name.

    Raises CommandError if the Workflow's state does not allow a start, if it does not accept the
    variables, or if the operator found it invalid. A Workflow that the operator has not validated
    yet is not validated here.
    """
    called, declared = workflow["metadata"]["name"], workflow["spec"]
    check_state(workflow)
    if problems := problems_of_variables(declared, variables):
        raise CommandError(*problems, words=list_variables(called, problems))
    if refusal := refused_as_invalid(workflow) or "":
        raise CommandError(Problem("spec.workflow", refusal), cause=Cause.INVALID_WORKFLOW)
    spec = {"workflow": called, "variables": dict(variables) or None}
    return execution_manifest({**spec, "requester": requester or None}, name=name)


def check_state(workflow: Raw) -> None:
    """Raises CommandError if the Workflow's state does not allow a start."""
    if refusal := refused_state(workflow["metadata"]["name"], workflow["spec"]):
        raise conflict("spec.workflow", refusal)


def start_for_trigger(started: PlannedExecution, *, salt: int | None = 0) -> Manifest:
    """The execution that a Trigger's event starts.

    The manifest is deterministic: each delivery of the event gives the same one for a salt. With
    None as the salt, the API server generates the name.
    """
    drawn = {"generateName": started.prefix} if salt is None else {}
    return execution_manifest(
        {
            "workflow": started.workflow,
            "trigger": dict(started.trigger),
            "variables": dict(started.variables) or None,
        },
        name="" if salt is None else started.name(salt),
        namespace=started.namespace,
        labels=dict(started.labels),
        **drawn,
    )


def start_child(
    run: Run,
    node: str,
    workflow: str,
    variables: Mapping[str, Any],
    name: str,
    trace: ExecutionTrace | None = None,
) -> Manifest:
    """The execution of a node's sub-workflow.

    It inherits the requester of the run and the person in its trigger, if they are trusted. It
    continues the trace of the run, if that has one.
    """
    parent = {"name": run.name, "uid": run.uid, "node": node, "depth": child_depth(run)}
    trigger = None
    if run.trigger:
        trigger = {**run.trigger} if run.trust.requester else {**run.trigger, "requester": UNKNOWN}
    owner = {"apiVersion": API_VERSION, "kind": EXECUTION, "name": run.name, "uid": run.uid}
    return execution_manifest(
        {
            "workflow": workflow,
            "variables": dict(variables),
            "parent": parent,
            "requester": (run.requester or None) if run.trust.requester else None,
            "trigger": trigger,
        },
        name=name,
        namespace=run.namespace,
        labels={MANAGED_BY: MANAGER, WORKFLOW: workflow, PARENT_UID: run.uid},
        **({} if trace is None else {"annotations": {TRACEPARENT: str(trace.node(node))}}),
        ownerReferences=[owner],
    )
