"""Objects of a backup: in which order, as what, and with which status they are restored."""

from __future__ import annotations

from typing import Any

from orchestrator.engine.times import from_rfc3339
from orchestrator.models.base import API_VERSION
from orchestrator.models.execution import ExecutionStatus
from orchestrator.operations.restore import in_order, needs_status, status_to_write, to_create
from tests.unit.operations.builders import execution

NOON = from_rfc3339("2026-11-28T12:00:00Z")
RESTORED_FROM = "automation.itechsmart.dev/restored-from"


def other(kind: str, name: str, **fields: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "default", "uid": f"uid-{name}"}
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": {}, **fields}


def child(of: str, depth: int, name: str) -> dict[str, Any]:
    owner = {"apiVersion": API_VERSION, "kind": "WorkflowExecution", "name": of, "uid": f"uid-{of}"}
    return execution(
        name,
        phase="Succeeded",
        spec={
            "workflow": "flow",
            "parent": {"name": of, "uid": f"uid-{of}", "node": "a", "depth": depth},
        },
        metadata={
            "ownerReferences": [owner],
            "labels": {"automation.itechsmart.dev/parent-uid": f"uid-{of}"},
        },
    )


def test_definitions_are_first_parents_before_children_and_triggers_last() -> None:
    every = [
        other("Trigger", "nightly"),
        child("sub", 2, "subsub"),
        child("run", 1, "sub"),
        execution(),
        other("Incident", "down"),
        other("Workflow", "flow"),
        other("Template", "task"),
        other("ClusterTemplate", "http-request"),
    ]
    assert [raw["metadata"]["name"] for raw in in_order(every)] == [
        "http-request", "task", "flow", "down", "run", "sub", "subsub", "nightly"
    ]  # fmt: skip


def test_only_what_a_creation_may_hold_is_created_and_marked_with_the_earlier_uid() -> None:
    last = "kubectl.kubernetes.io/last-applied-configuration"
    raw = execution(
        metadata={
            "annotations": {"team": "shop", last: "{}"},
            "generation": 4,
            "finalizers": ["example.com/never"],
        },
        spec={
            "workflow": "flow",
            "requester": "ana",
            "decisions": [{"node": "ask", "by": "ana", "decision": "Approve"}],
            "signals": [{"id": "1", "name": "go"}],
        },
    )
    assert to_create(raw, {}) == {
        "apiVersion": API_VERSION,
        "kind": "WorkflowExecution",
        "metadata": {
            "name": "run",
            "namespace": "default",
            "annotations": {"team": "shop"},
            "labels": {RESTORED_FROM: "uid-run"},
        },
        "spec": {"workflow": "flow", "requester": "ana"},
    }


def test_a_sub_execution_belongs_to_its_parent_as_restored() -> None:
    made = to_create(child("run", 1, "sub"), {"uid-run": "new"})
    (owner,) = made["metadata"]["ownerReferences"]
    assert (owner["name"], owner["uid"]) == ("run", "new")
    assert made["spec"]["parent"]["uid"] == "new"
    assert made["metadata"]["labels"]["automation.itechsmart.dev/parent-uid"] == "new"
    assert "ownerReferences" not in to_create(child("run", 1, "sub"), {})["metadata"]


def test_what_had_ended_keeps_its_status_also_its_nulls() -> None:
    condition = {"type": "Finished", "status": "True", "observedGeneration": 4}
    raw = execution(
        phase="Succeeded", outputs={"x": None}, observedGeneration=4, conditions=[condition]
    )
    assert status_to_write(raw, NOON) == raw["status"] | {
        "observedGeneration": 1,
        "conditions": [condition | {"observedGeneration": 1}],
    }


def test_what_had_not_ended_ends_with_a_reason_and_so_do_its_active_nodes() -> None:
    raw = execution(
        active="b",
        progress="1/3",
        counts={"total": 3, "running": 1, "succeeded": 1, "cancelled": 0},
        nodes={
            "a": {"phase": "Succeeded", "job": "a-1", "outputs": {"x": 1}},
            "b": {"phase": "Pending", "reason": "Backoff", "retryAt": "2026-11-28T12:05:00Z"},
        },
    )
    status = status_to_write(raw, NOON)
    assert status is not None
    ExecutionStatus.model_validate(status)
    assert (status["phase"], status["reason"]) == ("Cancelled", "Restored")
    assert status["finishedAt"] == "2026-11-28T12:00:00.000Z"
    assert status["counts"] == {"total": 3, "running": 0, "succeeded": 1, "cancelled": 1}
    assert status["nodes"]["a"] == raw["status"]["nodes"]["a"]
    assert status["nodes"]["b"]["phase"] == "Cancelled"
    assert status["nodes"]["b"]["reason"] == "Restored"
    assert "retryAt" not in status["nodes"]["b"]
    assert (status["progress"], "active" in status) == ("2/3", False)
    finished = {each["type"]: each["status"] for each in status["conditions"]}
    assert finished["Finished"] == "True"


def test_what_had_not_begun_ends_too() -> None:
    raw = execution()
    del raw["status"]
    status = status_to_write(raw, NOON)
    assert status is not None
    assert (status["phase"], status["reason"]) == ("Cancelled", "Restored")


def test_incidents_keep_their_timeline_and_definitions_are_judged_again() -> None:
    timeline = [{"at": "2026-11-28T12:00:00Z", "field": "state", "to": "Open"}]
    incident = other("Incident", "down", status={"timeline": timeline})
    status = status_to_write(incident, NOON)
    assert status is not None
    assert status["timeline"] == timeline
    assert status_to_write(other("Workflow", "flow", status={"conditions": []}), NOON) is None


def test_an_interrupted_restoration_is_completed_and_nothing_else_is_touched() -> None:
    raw = execution(phase="Failed")
    mark = {"labels": {RESTORED_FROM: "uid-run"}, "uid": "new"}
    begun = execution(metadata=mark)
    del begun["status"]
    assert needs_status(begun, raw)
    assert not needs_status(execution(phase="Cancelled", metadata=mark), raw)
    assert not needs_status(execution(), raw)
    assert not needs_status(execution(metadata={"labels": {RESTORED_FROM: "other"}}), raw)


def test_a_restored_execution_has_to_be_recorded_again() -> None:
    """The history of the restored cluster may be another one."""
    kinds = ("Finished", "Recorded")
    conditions = [{"type": kind, "status": "True"} for kind in kinds]
    raw = execution(phase="Succeeded")
    raw["status"]["conditions"] = conditions
    status = status_to_write(raw, NOON)
    assert status is not None
    assert [each["type"] for each in status["conditions"]] == ["Finished"]
