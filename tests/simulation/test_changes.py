"""Triggers that follow changes: each event once, through crashes, restarts, and lost watches."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import Any

import pytest

from orchestrator.controller.triggers import changes_driver, follower
from orchestrator.kube.errors import ApiError
from tests.simulation.changes import (
    Ever,
    events,
    eventually,
    fired,
    made,
    ready,
    rollout,
    status,
    store_of,
    touch,
    transport_of,
)
from tests.simulation.faults import FaultyTransport
from tests.simulation.operator_harness import manifest, running_operator
from tests.simulation.scenario import NAMESPACE
from tests.simulation.store import Store
from tests.simulation.views import Raw

DEPLOYMENTS: dict[str, Any] = {"deployment": {"outcomes": ["Finished"]}}
MAPS: dict[str, Any] = {
    "resource": {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "changes": ["Added", "Modified", "Deleted"],
    }
}


def times(count: int) -> Counter[str]:
    """Each of so many revisions once."""
    return Counter(str(number) for number in range(1, count + 1))


async def test_each_rollout_starts_one_execution_and_other_changes_start_none() -> None:
    store = store_of(**DEPLOYMENTS)
    async with running_operator(store, transport_of(store)):
        await asyncio.sleep(2)
        for number in (1, 2, 3):
            rollout(store, number)
            await asyncio.sleep(10)
            for _ in range(5):
                touch(store)
        await asyncio.sleep(30)
        assert fired(store) == times(3)
        assert status(store)["counts"] == {"received": 3, "started": 3}
        assert (ready(store)["status"], ready(store)["reason"]) == ("True", "Valid")


@pytest.mark.parametrize("seed", range(12))
async def test_each_rollout_once_through_crashes_at_any_write(seed: int) -> None:
    chance = random.Random(seed)
    store = store_of(**DEPLOYMENTS)
    ever, number = Ever(store), 0
    processes = []
    for _ in range(6):
        transport = transport_of(store, seed, lag=2.0, doubled=0.2)
        processes.append(transport)
        transport.crash_at = (chance.randint(0, 12), chance.random() < 0.5)
        async with running_operator(store, transport):
            for _ in range(chance.randint(1, 4)):
                number += 1
                rollout(store, number, name=f"web-{number}")
                await asyncio.sleep(chance.choice([0.2, 3.0, 20.0]))
            await asyncio.sleep(chance.choice([1.0, 30.0]))
            if transport.crashed.is_set():
                continue
        if chance.random() < 0.5:
            number += 1
            rollout(store, number, name=f"web-{number}")  # while no operator runs
        if chance.random() < 0.3:
            store.compact()
    async with running_operator(store, transport_of(store)):
        await asyncio.sleep(60)
    assert ever.events == times(number)


@pytest.mark.parametrize("seed", range(6))
async def test_watches_that_are_cut_and_requests_that_fail_lose_no_rollout(seed: int) -> None:
    chance = random.Random(seed)
    store = store_of(**DEPLOYMENTS)
    ever = Ever(store)
    transport = transport_of(store, seed, lost=0.1, busy=0.05, conflict=0.1, cut=0.3, lag=3.0)
    async with running_operator(store, transport):
        for number in range(1, 21):
            rollout(store, number, name=f"web-{number}")
            await asyncio.sleep(chance.choice([0.1, 2.0, 15.0]))
        await asyncio.sleep(120)
        assert ever.events == times(20)


async def test_two_operators_that_both_believe_they_lead_start_one_execution_each() -> None:
    store = store_of(**DEPLOYMENTS)
    ever = Ever(store)
    one, other = transport_of(store, 1, lag=1.0), transport_of(store, 2, lag=1.0)
    async with running_operator(store, one), running_operator(store, other):
        for number in range(1, 11):
            rollout(store, number)
            await asyncio.sleep(5)
        await asyncio.sleep(30)
        assert ever.events == times(10)


async def test_what_happened_while_no_operator_ran_is_found_though_the_server_forgot_it() -> None:
    store = store_of(**DEPLOYMENTS)
    rollout(store, 1, name="old")  # before the Trigger was seen, but after its creation
    async with running_operator(store, transport_of(store)):
        await asyncio.sleep(30)
    rollout(store, 2, name="new")
    await asyncio.sleep(600)
    store.compact()
    async with running_operator(store, transport_of(store)):
        await asyncio.sleep(30)
        assert fired(store) == times(2)


async def test_an_execution_that_is_deleted_does_not_start_again_at_the_next_process() -> None:
    store = store_of(**MAPS)
    ever = Ever(store, "name")
    async with running_operator(store, transport_of(store)):
        await asyncio.sleep(2)
        for number in (1, 2, 3):
            await asyncio.sleep(1)
            new = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"map-{number}"}}
            store.create("configmaps", NAMESPACE, new)
        await eventually(lambda: len(made(store)) == 3)
    for raw in made(store):
        store.remove(("workflowexecutions", NAMESPACE, raw["metadata"]["name"]))
    async with running_operator(store, transport_of(store)):
        await asyncio.sleep(60)
    assert ever.events == {f"map-{number}": 1 for number in (1, 2, 3)}
    assert status(store)["counts"] == {"received": 3, "started": 3}


class RefusesOne(FaultyTransport):
    """The API server refuses the status of one Trigger."""

    refuses = False

    def _refuse(self, verb: str, path: str, query: Any, body: Any) -> None:
        if self.refuses and verb == "patch" and path.endswith("/triggers/t/status"):
            raise ApiError(403, "Forbidden", "not this one")
        super()._refuse(verb, path, query, body)


async def test_a_status_that_is_refused_at_the_end_keeps_no_other_from_being_written() -> None:
    store = store_of(**DEPLOYMENTS)
    other = {"workflow": "main", **DEPLOYMENTS}
    store.create("triggers", NAMESPACE, manifest("Trigger", "u", other))
    transport = RefusesOne(store)
    async with running_operator(store, transport):
        await asyncio.sleep(20)
        rollout(store, 1)
        await eventually(lambda: status(store, "u").get("counts"))
        transport.refuses = True
        rollout(store, 2)
        await eventually(lambda: fired(store) == Counter({"1": 2, "2": 2}))
    assert status(store)["counts"] == {"received": 1, "started": 1}
    assert status(store, "u")["counts"] == {"received": 2, "started": 2}


@pytest.mark.parametrize("forgotten", [True, False])
async def test_nothing_fires_again_a_day_after_a_restart(*, forgotten: bool) -> None:
    store = store_of(**DEPLOYMENTS)
    ever = Ever(store)
    async with running_operator(store, transport_of(store)):
        await asyncio.sleep(2)
        for number in (1, 2, 3):
            rollout(store, number, name=f"web-{number}")
            await asyncio.sleep(5)
        await asyncio.sleep(25 * 3600)
        assert len(made(store)) == 1, "retention has removed the others"
    for number in (1, 2, 3):
        touch(store, name=f"web-{number}")  # while no operator runs
    await asyncio.sleep(600)
    if forgotten:
        store.compact()
    async with running_operator(store, transport_of(store)):
        await asyncio.sleep(5)
        for number in (1, 2, 3):
            touch(store, name=f"web-{number}")
        await asyncio.sleep(60)
        assert ever.events == times(3)


async def test_a_settled_trigger_writes_nothing() -> None:
    store = store_of(**DEPLOYMENTS)
    transport = transport_of(store)
    async with running_operator(store, transport):
        await asyncio.sleep(2)
        rollout(store, 1)
        await asyncio.sleep(600)
        before, version = transport.writes, store.version
        touch(store)
        await asyncio.sleep(3600)
        assert transport.writes == before
        assert store.version == version + 1


async def test_the_status_is_written_at_most_every_five_seconds() -> None:
    store = store_of(**DEPLOYMENTS)
    writes: list[float] = []

    def on_change(plural: str, _old: Raw | None, new: Raw | None) -> None:
        if plural == "triggers" and new is not None:
            writes.append(store.clock())

    async with running_operator(store, transport_of(store)):
        await asyncio.sleep(20)
        store.observers.append(on_change)
        for number in range(1, 101):
            rollout(store, number)
            await asyncio.sleep(0.5)
        await asyncio.sleep(10)
        assert fired(store) == times(100)
        assert status(store)["counts"]["started"] == 100
    assert len(writes) <= 14


async def test_a_suspended_trigger_moves_on_without_starting_anything() -> None:
    store = store_of(**DEPLOYMENTS, suspend=True)
    key = ("triggers", NAMESPACE, "t")
    async with running_operator(store, transport_of(store)):
        await asyncio.sleep(2)
        rollout(store, 1)
        await asyncio.sleep(20)
    store.patch(key, {"spec": {"suspend": False}})  # while no operator runs
    async with running_operator(store, transport_of(store)):
        await asyncio.sleep(20)
        assert fired(store) == Counter()
        rollout(store, 2)
        await eventually(lambda: fired(store) == Counter({"2": 1}))


@pytest.mark.parametrize("running", [True, False])
async def test_an_edit_of_what_is_followed_counts_from_the_edit(*, running: bool) -> None:
    store = store_of(deployment={"name": "web"})
    key = ("triggers", NAMESPACE, "t")
    async with running_operator(store, transport_of(store)):
        await asyncio.sleep(2)
        rollout(store, 1, name="other")
        await asyncio.sleep(100)
        if running:
            store.patch(key, {"spec": {"deployment": {"name": "other"}}})
            await asyncio.sleep(20)
    if not running:
        store.patch(key, {"spec": {"deployment": {"name": "other"}}})
    async with running_operator(store, transport_of(store)):
        await asyncio.sleep(20)
        touch(store, name="other")
        await asyncio.sleep(20)
        assert fired(store) == Counter()
        rollout(store, 2, name="other")
        await eventually(lambda: fired(store) == Counter({"2": 1}))


async def test_a_mark_beyond_the_clusters_versions_goes_back_with_a_warning() -> None:
    store = store_of(**DEPLOYMENTS)
    async with running_operator(store, transport_of(store)):
        await asyncio.sleep(2)
        rollout(store, 1)
        await asyncio.sleep(20)
    # A backup from before: all that happened since is gone, and versions are given again.
    key = ("triggers", NAMESPACE, "t")
    version, _, rest = status(store)["mark"].partition("/")
    store.set_status(key, mark=f"{int(version) + 5000}/{rest}")
    async with running_operator(store, transport_of(store)):
        await asyncio.sleep(20)
        assert events(store)["MarkReset"] == 1
        assert int(status(store)["mark"].partition("/")[0]) < store.version
        rollout(store, 2)
        await eventually(lambda: fired(store) == times(2))


async def test_more_than_it_keeps_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follower, "MAX_PENDING", 5)
    monkeypatch.setattr(changes_driver, "MAX_BATCH", 3)
    store = store_of(**DEPLOYMENTS)
    async with running_operator(store, transport_of(store)):
        await asyncio.sleep(2)
        for number in range(1, 41):
            rollout(store, number, name=f"web-{number}")
        await asyncio.sleep(60)
        assert fired(store) == times(40)


class Quota(FaultyTransport):
    """A quota refuses the executions of one workflow."""

    refuses = True

    def _refuse(self, verb: str, path: str, query: Any, body: Any) -> None:
        super()._refuse(verb, path, query, body)
        creates = verb == "create" and path.endswith("/workflowexecutions")
        if self.refuses and creates and body["spec"]["trigger"]["name"] == "t":
            count = "count/workflowexecutions.automation.itechsmart.dev=1"
            message = (
                'workflowexecutions "x" is forbidden: exceeded quota: q, '
                f"requested: {count}, used: {count}, limited: {count}"
            )
            raise ApiError(403, "Forbidden", message)


async def test_a_trigger_that_a_quota_holds_up_holds_up_no_other() -> None:
    store = store_of(**DEPLOYMENTS)
    other = {"workflow": "main", **DEPLOYMENTS}
    store.create("triggers", NAMESPACE, manifest("Trigger", "other", other))
    transport = Quota(store)
    async with running_operator(store, transport):
        await asyncio.sleep(2)
        for number in (1, 2, 3):
            rollout(store, number)
            await asyncio.sleep(10)
        assert fired(store) == times(3)
        assert {raw["spec"]["trigger"]["name"] for raw in made(store)} == {"other"}
        Quota.refuses = False
        await asyncio.sleep(60)
        assert fired(store) == times(3) + times(3)
    Quota.refuses = True


class Full(FaultyTransport):
    """A quota has room for one execution more."""

    room = 1

    def _refuse(self, verb: str, path: str, query: Any, body: Any) -> None:
        super()._refuse(verb, path, query, body)
        if verb == "create" and path.endswith("/workflowexecutions"):
            self.room -= 1
            if self.room < 0:
                message = 'workflowexecutions "x" is forbidden: exceeded quota: q, used: 1'
                raise ApiError(403, "Forbidden", message)


async def test_the_mark_never_passes_an_event_that_a_quota_holds_up() -> None:
    store = store_of(**DEPLOYMENTS)
    async with running_operator(store, Full(store)):
        await asyncio.sleep(2)
        for number in (1, 2, 3):
            rollout(store, number, name=f"web-{number}")
        await asyncio.sleep(20)
        assert status(store)["counts"] == {"received": 1, "started": 1}
    async with running_operator(store, transport_of(store)):
        await asyncio.sleep(20)
        assert fired(store) == times(3)


class Forbidding(FaultyTransport):
    """The operator has no right to list or watch Deployments."""

    forbids = True

    def _refuse(self, verb: str, path: str, query: Any, body: Any) -> None:
        if self.forbids and path.endswith("/deployments"):
            message = (
                'deployments.apps is forbidden: User "system:serviceaccount:auto:operator" cannot '
                'list resource "deployments" in API group "apps" in the namespace "ns"'
            )
            raise ApiError(403, "Forbidden", message)
        super()._refuse(verb, path, query, body)


async def test_a_missing_right_is_reported_with_the_commands_that_grant_it() -> None:
    store = store_of(**DEPLOYMENTS)
    transport = Forbidding(store)
    async with running_operator(store, transport):
        await eventually(lambda: ready(store).get("reason") == "ResourceForbidden")
        said = ready(store)["message"]
        assert "create role automation-watch-deployments --verb=list,watch" in said
        assert "--resource=deployments.apps" in said
        assert "--serviceaccount=auto:operator" in said
        rollout(store, 1)
        await asyncio.sleep(120)
        before = store.version
        await asyncio.sleep(600)
        assert store.version == before, "a refusal that stays is written once"
        transport.forbids = False
        await eventually(lambda: ready(store)["status"] == "True")
        await eventually(lambda: fired(store) == times(1))


@pytest.mark.parametrize(
    ("fields", "reason", "said"),
    [
        ({"kind": "ConfigMpa"}, "ResourceUnknown", "v1 has no kind 'ConfigMpa'; did you mean"),
        ({"resource": "pods"}, "ResourceUnknown", "v1 has no resource 'pods'"),
        (
            {"apiVersion": "example.com/v2", "kind": "Car"},
            "ResourceUnknown",
            "the cluster does not serve the API example.com/v2",
        ),
        ({"kind": "Namespace"}, "ResourceForbidden", "Namespace is a cluster-scoped kind"),
    ],
)
async def test_what_cannot_be_followed_is_reported_and_found_once_it_is_there(
    fields: dict[str, str], reason: str, said: str
) -> None:
    store = store_of(resource={"apiVersion": "v1", **fields, "changes": ["Added"]})
    async with running_operator(store, transport_of(store)):
        await eventually(lambda: ready(store).get("reason") == reason)
        assert said in ready(store)["message"]
        store.patch(("triggers", NAMESPACE, "t"), {"spec": MAPS})
        # A merge patch keeps what it does not name.
        nothing = {"kind": "ConfigMap"} | {key: None for key in fields if key == "resource"}
        store.patch(("triggers", NAMESPACE, "t"), {"spec": {"resource": nothing}})
        await eventually(lambda: ready(store)["status"] == "True")
        config_map(store, "a")
        await eventually(lambda: fired(store, "change") == Counter({"Added": 1}))


async def test_a_trigger_sees_its_own_namespace_only() -> None:
    store = store_of(**DEPLOYMENTS)
    rollout(store, 1)
    async with running_operator(store, transport_of(store)):
        await asyncio.sleep(10)
        rollout(store, 2, namespace="elsewhere")
        await asyncio.sleep(20)
        assert fired(store) == times(1)


def config_map(store: Store, name: str, **fields: Any) -> None:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **fields}}
    store.create("configmaps", NAMESPACE, body)


async def test_additions_changes_and_deletions_of_objects_start_one_execution_each() -> None:
    store = store_of(**MAPS)
    ever = Ever(store, "change")
    async with running_operator(store, transport_of(store)):
        await asyncio.sleep(2)
        config_map(store, "a")
        store.patch(("configmaps", NAMESPACE, "a"), {"data": {"x": "1"}})
        await asyncio.sleep(200)
    store.remove(("configmaps", NAMESPACE, "a"))  # while no operator runs
    async with running_operator(store, transport_of(store)):
        await asyncio.sleep(20)
        assert ever.events == Counter({"Added": 1, "Modified": 1, "Deleted": 1})
        config_map(store, "ours", labels={"app.kubernetes.io/managed-by": "itechsmart-workflow"})
        await asyncio.sleep(20)
        assert ever.events.total() == 3


async def test_the_mark_of_a_trigger_on_deletions_stays_young() -> None:
    store = store_of(**MAPS)
    async with running_operator(store, transport_of(store)):
        await asyncio.sleep(2)
        rollout(store, 1)  # something that it does not follow happens in the cluster
        await asyncio.sleep(3600)
        rollout(store, 2)
        version = store.version
        await asyncio.sleep(250)
        assert int(status(store)["mark"].partition("/")[0]) >= version
