"""Objects in every state that a GitOps tool can observe."""

from __future__ import annotations

import asyncio
import copy

import yaml

from orchestrator.kube.client import Raw
from tests.kube import ROOT
from tests.simulation.faults import FaultyTransport
from tests.simulation.kubelet import Outcome
from tests.simulation.operator_harness import follow_changes, manifest, running_operator, store_with
from tests.simulation.scenario import NAMESPACE
from tests.simulation.store import Store

PLURALS = {
    "Workflow": "workflows",
    "WorkflowExecution": "workflowexecutions",
    "Trigger": "triggers",
    "Template": "templates",
    "ClusterTemplate": "clustertemplates",
    "Incident": "incidents",
}
ACTION = {"name": "work", "action": "local/task"}
APPROVAL = {"name": "agree", "approval": {"approvers": ["group:sre"]}}
SIGNAL = {"name": "go", "wait": {"signal": "go"}}

WORKFLOWS: dict[str, Raw] = {
    "valid": {"nodes": [ACTION]},
    "draft": {"nodes": [ACTION], "state": "Draft"},
    "archived": {"nodes": [ACTION], "state": "Archived"},
    "invalid": {"nodes": [{"name": "a", "condition": "vars.nope"}]},
    "incomplete": {"nodes": [{"name": "a", "action": "local/later"}]},
    "approval": {"nodes": [APPROVAL]},
    "signal": {"nodes": [SIGNAL]},
    "both": {"nodes": [APPROVAL, ACTION]},
    "alone": {"nodes": [ACTION], "concurrency": {"limit": 1}},
    "short": {"nodes": [ACTION], "timeout": "20s"},
    "named": {
        "nodes": [ACTION],
        "variables": [{"name": "service", "type": "string", "required": True}],
    },
}
CRON = {"schedule": {"cron": "0 0 1 1 *"}}
TRIGGERS: dict[str, Raw] = {
    "ready": {"workflow": "valid", **CRON},
    "suspended": {"workflow": "valid", "suspend": True, **CRON},
    "early": {"workflow": "later", **CRON},
    "wrong-variables": {"workflow": "named", **CRON},
    "wrong-cron": {"workflow": "valid", "schedule": {"cron": "0 25 * * *"}},
}
ACTIONS: dict[str, Raw] = {
    "valid": {"action": {"image": "example.com/task:1", "command": ["true"]}},
    "invalid": {"action": {"image": "example.com/task:1", "args": ["$[[ params.nope ]]"]}},
}
INCIDENT_STATES = ("Open", "Acknowledged", "Resolved")
INCIDENTS: dict[str, Raw] = {
    state.lower(): {"title": "Shop is down", "severity": "Critical", "state": state}
    for state in INCIDENT_STATES
}
EXECUTIONS = {
    "running": "valid",
    "paused": "valid",
    "first": "alone",
    "queued": "alone",
    "approval": "approval",
    "signal": "signal",
    "both": "both",
    "succeeds": "valid",
    "fails": "valid",
    "times-out": "short",
    "cancelled": "valid",
    "early": "later",
    "refused": "invalid",
}
"""The executions by name, with their workflows."""

DEFINITIONS = {
    "Workflow": {
        "valid": "valid",
        "draft": "valid, Draft",
        "archived": "valid, Archived",
        "incomplete": "its Template is missing",
        "invalid": "invalid",
    },
    "Trigger": {
        "ready": "valid",
        "suspended": "suspended",
        "early": "its Workflow is missing",
        "wrong-variables": "its Workflow needs a variable",
        "wrong-cron": "invalid",
    },
    "Template": {"valid": "valid", "invalid": "invalid"},
    "ClusterTemplate": {"valid": "valid", "invalid": "invalid"},
    "Incident": dict(zip(INCIDENTS, INCIDENT_STATES, strict=True)),
}
"""What people write, by kind and name, with what its state is called."""
ACTIVE = {
    "early": "Pending",
    "queued": "Queued",
    "running": "Running",
    "both": "Running, an approval pending",
    "approval": "Running, only an approval pending",
    "signal": "Running, only a signal pending",
    "paused": "Paused",
}
ENDED = {
    "succeeds": "Succeeded",
    "fails": "Failed",
    "refused": "Failed before its start",
    "times-out": "TimedOut",
    "cancelled": "Cancelled",
}
"""Executions that have ended; ACTIVE those that have not."""


async def states() -> dict[str, dict[str, Raw]]:
    """The objects by kind and by what their state is called in the documentation."""
    store = store_with(manifest("Workflow", "main", {"nodes": [ACTION]}), script=_outcome)
    found: dict[str, dict[str, Raw]] = {kind: {} for kind in PLURALS}

    def take(kind: str, name: str, state: str) -> None:
        namespace = "" if kind == "ClusterTemplate" else NAMESPACE
        found[kind][state] = copy.deepcopy(store.objects[PLURALS[kind], namespace, name])

    _define(store)
    take("Workflow", "valid", "just applied")
    transport = FaultyTransport(store)
    async with running_operator(store, transport, follow=follow_changes(store)):
        await asyncio.sleep(120)  # the policies settle
        for kind, names in DEFINITIONS.items():
            for name, state in names.items():
                take(kind, name, state)
        for name, workflow in EXECUTIONS.items():
            made = manifest("WorkflowExecution", name, workflow)
            store.create("workflowexecutions", NAMESPACE, made)
        take("WorkflowExecution", "running", "just created")
        await asyncio.sleep(10)
        _desire(store, "paused", "Paused")
        _desire(store, "cancelled", "Cancelled")
        await asyncio.sleep(2)
        for name, state in ACTIVE.items():
            take("WorkflowExecution", name, state)
        _desire(store, "signal", "Paused")
        take("WorkflowExecution", "signal", "just changed")
        await asyncio.sleep(120)
        for name, state in ENDED.items():
            take("WorkflowExecution", name, state)
        _desire(store, "fails", "Paused")
        take("WorkflowExecution", "fails", "changed after its end")
        edited = {"spec": {"nodes": [{"name": "a", "condition": "vars.nope"}]}}
        store.patch(("workflows", NAMESPACE, "valid"), edited)
        take("Workflow", "valid", "just changed")
    return found


def _outcome(execution: str, *_: object) -> Outcome:
    match execution:
        case "succeeds":
            return Outcome("success", 2.0, 5)
        case "fails":
            return Outcome("failure", 2.0)
    return Outcome("success", 3600.0, 5)


def _define(store: Store) -> None:
    policies = ROOT / "manifests/install/policies.yaml"
    for policy in yaml.safe_load_all(policies.read_text()):
        plural = f"{policy['kind'].lower()}s".replace("policys", "policies")
        store.create(plural, "", policy)
    for kind, specs in (
        ("Workflow", WORKFLOWS),
        ("Trigger", TRIGGERS),
        ("Template", ACTIONS),
        ("ClusterTemplate", ACTIONS),
        ("Incident", INCIDENTS),
    ):
        namespace = "" if kind == "ClusterTemplate" else NAMESPACE
        for name, spec in specs.items():
            store.create(PLURALS[kind], namespace, manifest(kind, name, spec))


def _desire(store: Store, name: str, state: str) -> None:
    key = ("workflowexecutions", NAMESPACE, name)
    store.patch(key, {"spec": {"desiredState": state}})
