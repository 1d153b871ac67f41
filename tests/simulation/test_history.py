"""Retention and the history: nothing that is not recorded goes, but a day later."""

from __future__ import annotations

import asyncio
import zlib
from typing import Any

from orchestrator.engine.status.conditions import with_recorded
from orchestrator.history.entry import entry_from
from orchestrator.kube.client import Raw
from orchestrator.models.labels import PARENT_UID
from tests.simulation.faults import FaultyTransport
from tests.simulation.operator_harness import TERMINAL, manifest, running_operator, store_with
from tests.simulation.scenario import NAMESPACE
from tests.simulation.store import Store

DAY = 24 * 3600.0
ONE_KEPT = {"nodes": [{"name": "only", "action": "local/task"}], "history": {"succeeded": 1}}
PARENT = {"nodes": [{"name": "only", "workflow": {"name": "child"}}], "history": {"succeeded": 1}}


def executions(store: Store) -> set[str]:
    return {raw["metadata"]["name"] for raw in store.all("workflowexecutions")}


def record(store: Store, *names: str) -> None:
    """What the recorder of the history does once it has stored an execution."""
    for name in names:
        raw = store.objects["workflowexecutions", NAMESPACE, name]
        conditions = with_recorded(raw["status"]["conditions"], 1, store.clock())
        store.patch(
            ("workflowexecutions", NAMESPACE, name),
            {"status": {"conditions": conditions}},
            status=True,
        )


async def ended(store: Store) -> None:
    """Wait for the end of all executions."""

    def active() -> bool:
        statuses = (raw.get("status") or {} for raw in store.all("workflowexecutions"))
        return any(status.get("phase") not in TERMINAL for status in statuses)

    for _ in range(3600):
        if not active():
            return
        await asyncio.sleep(1.0)
    raise AssertionError("not ended within an hour")


def two_runs(*workflows: Raw) -> Store:
    """Two executions, of which the history of the workflow keeps one."""
    store = store_with(*workflows)
    store.create("workflowexecutions", NAMESPACE, manifest("WorkflowExecution", "later", "main"))
    return store


def not_recorded(store: Store) -> list[Any]:
    events = [event for event in store.all("events") if event["reason"] == "NotRecorded"]
    return [(event["type"], event["involvedObject"]["name"]) for event in events]


async def test_retention_waits_until_an_execution_is_recorded() -> None:
    store = two_runs(manifest("Workflow", "main", ONE_KEPT))
    async with running_operator(store, FaultyTransport(store), history=True):
        await ended(store)
        await asyncio.sleep(0.5 * DAY)
        assert executions(store) == {"run", "later"}
        record(store, "run", "later")
        await asyncio.sleep(700.0)
        assert len(executions(store)) == 1
    assert not_recorded(store) == []


async def test_a_day_later_it_is_removed_all_the_same_and_an_event_says_so() -> None:
    store = two_runs(manifest("Workflow", "main", ONE_KEPT))
    async with running_operator(store, FaultyTransport(store), history=True):
        await ended(store)
        await asyncio.sleep(DAY - 60.0)
        before = executions(store)
        assert before == {"run", "later"}
        await asyncio.sleep(1300.0)
        (left,) = executions(store)
    assert not_recorded(store) == [("Warning", next(iter(before - {left})))]


async def test_jobs_wait_until_their_execution_is_recorded_or_a_day() -> None:
    """Their pods have the logs, and the condition says that these are kept."""
    soon = {**ONE_KEPT, "history": {"succeeded": 2, "keepJobs": "10m"}}
    store = two_runs(manifest("Workflow", "main", soon))
    async with running_operator(store, FaultyTransport(store), history=True):
        await ended(store)
        await asyncio.sleep(0.5 * DAY)
        assert len(store.all("jobs")) == 2
        record(store, "run")
        await asyncio.sleep(700.0)
        (waiting,) = store.all("jobs")
        assert waiting["metadata"]["ownerReferences"][0]["name"] == "later"
        await asyncio.sleep(0.5 * DAY)
        assert store.all("jobs") == []
    assert executions(store) == {"run", "later"}
    assert not_recorded(store) == []


async def test_a_parent_waits_for_its_sub_executions() -> None:
    """Kubernetes would remove them with it."""
    child = {"nodes": [{"name": "step", "action": "local/task"}]}
    store = two_runs(manifest("Workflow", "main", PARENT), manifest("Workflow", "child", child))
    async with running_operator(store, FaultyTransport(store), history=True):
        await ended(store)
        record(store, "run", "later")
        await asyncio.sleep(3600.0)
        assert len(executions(store)) == 4
        record(store, *executions(store))
        await asyncio.sleep(700.0)
        assert len(executions(store)) == 2


def call_child_of(store: Store, name: str, parent: str) -> None:
    """What anyone may do who may delete executions: label one as a sub-execution of another."""
    uid = store.objects["workflowexecutions", NAMESPACE, parent]["metadata"]["uid"]
    labels = {"metadata": {"labels": {PARENT_UID: uid}}}
    store.patch(("workflowexecutions", NAMESPACE, name), labels)


async def test_labels_that_name_each_other_as_parents_do_not_end_the_operator() -> None:
    child = {"nodes": [{"name": "step", "action": "local/task"}]}
    store = two_runs(manifest("Workflow", "main", PARENT), manifest("Workflow", "child", child))
    async with running_operator(store, FaultyTransport(store), history=True):
        await ended(store)
        call_child_of(store, "run", "later")
        call_child_of(store, "later", "run")
        record(store, *executions(store))
        await asyncio.sleep(700.0)
        assert len(executions(store)) == 2


async def test_no_execution_waits_for_another_that_only_its_label_calls_a_child() -> None:
    child = {"nodes": [{"name": "step", "action": "local/task"}]}
    store = two_runs(
        manifest("Workflow", "main", PARENT),
        manifest("Workflow", "child", child),
        manifest("Workflow", "other", child),
    )
    other = manifest("WorkflowExecution", "other", "other")
    store.create("workflowexecutions", NAMESPACE, other)
    async with running_operator(store, FaultyTransport(store), history=True):
        await ended(store)
        for name in ("run", "later"):
            call_child_of(store, "other", name)
        record(store, *executions(store) - {"other"})
        await asyncio.sleep(700.0)
        assert len(executions(store)) == 3


async def test_without_the_option_retention_waits_for_no_history() -> None:
    store = two_runs(manifest("Workflow", "main", ONE_KEPT))
    async with running_operator(store, FaultyTransport(store)):
        await ended(store)
        await asyncio.sleep(60.0)
        assert len(executions(store)) == 1


async def test_the_condition_wakes_the_operator_for_nothing_and_stays() -> None:
    store = store_with(manifest("Workflow", "main", ONE_KEPT))
    transport = FaultyTransport(store)
    async with running_operator(store, transport, history=True):
        await ended(store)
        await asyncio.sleep(60.0)
        before = transport.requests.copy()
        record(store, "run")
        await asyncio.sleep(300.0)
        quiet = {("list", "workflows"), ("list", "incidents")}
        sent = {key for key, count in (transport.requests - before).items() if count}
        assert {key for key in sent if key[0] not in ("watch",)} <= quiet
    async with running_operator(store, FaultyTransport(store), history=True):
        await asyncio.sleep(400.0)  # a new start reads every execution, and a resync follows
    status = store.objects["workflowexecutions", NAMESPACE, "run"]["status"]
    assert {each["type"]: each["status"] for each in status["conditions"]} == {
        "Ready": "True",
        "Reconciling": "False",
        "Stalled": "False",
        "Finished": "True",
        "Recorded": "True",
    }


async def test_a_condition_of_others_on_an_active_execution_is_kept_at_its_end() -> None:
    store = store_with(manifest("Workflow", "main", {"nodes": [{"name": "node", "delay": "30s"}]}))
    key = ("workflowexecutions", NAMESPACE, "run")
    async with running_operator(store, FaultyTransport(store)):
        await asyncio.sleep(10.0)
        record(store, "run")
        await ended(store)
    status = store.objects[key]["status"]
    assert status["phase"] == "Succeeded"
    kinds = [each["type"] for each in status["conditions"]]
    assert sorted(kinds) == ["Finished", "Ready", "Reconciling", "Recorded", "Stalled"]


async def test_a_secret_that_was_passed_by_mistake_is_not_recorded() -> None:
    """The workflow takes it from a Secret only, so the execution is refused; its specification
    holds the value until retention removes it."""
    token = {
        "name": "token",
        "type": "secret",
        "secretKeyRef": {"name": "service", "key": "token"},
    }
    spec = {"nodes": [{"name": "only", "action": "local/task"}], "variables": [token]}
    store = store_with(manifest("Workflow", "main", spec))
    passed = {"workflow": "main", "variables": {"token": "hunter2"}}
    store.create("workflowexecutions", NAMESPACE, manifest("WorkflowExecution", "wrong", passed))
    async with running_operator(store, FaultyTransport(store)):
        await ended(store)
    wrong, right = (store.objects["workflowexecutions", NAMESPACE, n] for n in ("wrong", "run"))
    assert wrong["status"]["reason"] == "InvalidVariables"
    for raw in (wrong, right):
        entry = entry_from(raw)
        assert entry is not None
        assert b"hunter2" not in zlib.decompress(entry.body)
        assert "hunter2" not in entry.search
    assert b"hunter2" not in str(store.all("controllerrevisions")).encode()
