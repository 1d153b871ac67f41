"""Names and labels that others took: a trigger fires all the same, once, and says so."""

from __future__ import annotations

import random
from typing import Any

import pytest

from orchestrator.engine.times import to_rfc3339
from orchestrator.kube.cache import Raw
from orchestrator.models.base import MAX_SALTS
from orchestrator.models.labels import DEDUPE, EVENT, TRIGGER
from orchestrator.triggers.plan import execution_name
from tests.simulation.trigger_process import (
    HOURS,
    NEVER,
    SCHEDULE,
    Cluster,
    due,
    finished,
    live,
    slots,
    trigger,
)
from tests.simulation.world import START
from tests.virtual_time import run_virtually

HOURLY = {"cron": "0 * * * *", "catchUp": 100}


def foreign(cluster: Cluster, name: str, **spec: Any) -> Raw:
    """Somebody else creates an execution of this name, with whatever labels they like."""
    labels = spec.pop("labels", {})
    metadata = {
        "name": name,
        "namespace": "ns",
        "uid": f"foreign-{name}",
        "labels": labels,
        "creationTimestamp": to_rfc3339(cluster.clock()),
    }
    raw = {"metadata": metadata, "spec": {"workflow": "w", **spec}}
    cluster.executions[name] = raw
    return raw


def names_of(cluster: Cluster, hour: int, salts: int) -> list[str]:
    """The first names of an hourly slot's execution, as anybody can compute them."""
    uid = cluster.trigger["metadata"]["uid"]
    slot = f"{(START // 3600 + hour) * 3600:.0f}"
    return [execution_name("t", uid, slot, salt) for salt in range(salts)]


def own(cluster: Cluster) -> list[str]:
    """The slots that the trigger's own executions are of, each as often as there are."""
    uids = [name for name, raw in cluster.executions.items() if mine(raw)]
    return sorted(
        cluster.executions[name]["spec"]["trigger"]["event"]["scheduledAt"] for name in uids
    )


def mine(raw: Raw) -> bool:
    return (raw["spec"].get("trigger") or {}).get("uid") == "u-t"


@pytest.mark.parametrize("salts", [1, 3, MAX_SALTS + 1])
def test_a_slot_whose_names_others_took_fires_once_and_warns(salts: int) -> None:
    async def scenario() -> None:
        cluster = Cluster(trigger(schedule=HOURLY))
        for name in names_of(cluster, 1, salts):
            foreign(cluster, name)
        await live(cluster, HOURS)
        assert len(own(cluster)) == len(set(own(cluster))) == 3
        assert len(cluster.warnings) == salts
        assert all("Warning NameTaken: execution t-" in said for said in cluster.warnings)
        assert cluster.trigger["status"]["counts"] == {"received": 3, "started": 3}

    run_virtually(scenario())


@pytest.mark.parametrize("gone", [False, True], ids=["stays", "is deleted"])
@pytest.mark.parametrize("applied", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("salts", [1, MAX_SALTS + 1])
@pytest.mark.parametrize("write", range(1, 13))
def test_a_crash_around_any_write_of_a_taken_name_repeats_nothing(
    write: int, salts: int, applied: bool, gone: bool
) -> None:
    async def scenario() -> None:
        cluster = Cluster(trigger(schedule=HOURLY), applied=applied)
        taken = names_of(cluster, 1, salts)
        for name in taken:
            foreign(cluster, name)
        cluster.crash_at = write
        await live(cluster, 4000)
        if gone:
            for name in taken:
                del cluster.executions[name]
        cluster.crash_at = NEVER
        await live(cluster, HOURS)
        assert len(own(cluster)) == len(set(own(cluster)))
        assert len(own(cluster)) >= 3

    run_virtually(scenario())


@pytest.mark.parametrize("seed", range(5))
def test_names_taken_at_random_through_crashes_lose_and_repeat_nothing(seed: int) -> None:
    chance = random.Random(seed)

    async def scenario() -> None:
        cluster = Cluster(trigger(schedule=SCHEDULE))
        for slot in range(int(START) // 300, int(START + 12 * HOURS) // 300):
            for salt in range(chance.choice([0, 0, 1, 2, MAX_SALTS + 1])):
                foreign(cluster, execution_name("t", "u-t", f"{slot * 300}", salt))
        for _ in range(8):
            cluster.crash_at = cluster.writes + chance.randint(1, 40)
            cluster.applied = chance.random() < 0.5
            await live(cluster, HOURS)
        cluster.crash_at = NEVER
        await live(cluster, HOURS)
        cluster.executions = {name: raw for name, raw in cluster.executions.items() if mine(raw)}
        assert slots(cluster) == due(cluster.clock() - 10)

    run_virtually(scenario())


@pytest.mark.parametrize(
    "rule",
    [
        {"dedupe": {"key": "event.workflow", "window": "24h"}},
        {"rateLimit": {"limit": 2, "period": "24h"}},
        {},
    ],
    ids=["dedupe", "rateLimit", "neither"],
)
@pytest.mark.parametrize(
    "claim",
    [
        {},
        {"parent": {"name": "p", "uid": "p", "node": "a", "depth": 1}},
        {"trigger": {"type": "execution", "name": "other", "uid": "u-other", "depth": 1}},
    ],
    ids=["nothing", "a sub-execution", "another trigger's"],
)
def test_labels_that_claim_a_trigger_count_for_nothing(claim: Raw, rule: Raw) -> None:
    async def scenario() -> None:
        cluster = Cluster(trigger(execution={"workflow": "source"}, **rule))
        real = Cluster(trigger(execution={"workflow": "source"}, **rule))
        ended = finished(1, START + 100)
        for one in (cluster, real):
            one.executions["e1"] = ended
        await live(real, 200, [ended])
        (made,) = [raw for raw in real.executions.values() if mine(raw)]
        labels = made["metadata"]["labels"]
        assert {TRIGGER, EVENT} <= labels.keys()
        assert (DEDUPE in labels) is ("dedupe" in rule)
        for number in range(5):
            foreign(cluster, f"claims-{number}", labels=labels, **claim)
        foreign(cluster, made["metadata"]["name"], labels=labels, **claim)
        await live(cluster, 200, [ended])
        assert sum(mine(raw) for raw in cluster.executions.values()) == 1
        assert cluster.trigger["status"]["counts"] == {"received": 1, "started": 1}

    run_virtually(scenario())


def test_an_execution_of_an_earlier_version_without_a_uid_is_still_the_triggers_own() -> None:
    async def scenario() -> None:
        cluster = Cluster(trigger(schedule=HOURLY))
        (name,) = names_of(cluster, 1, 1)
        before = {"type": "schedule", "name": "t", "depth": 0, "event": {"scheduledAt": "before"}}
        foreign(cluster, name, trigger=before)
        await live(cluster, 4000)
        assert own(cluster) == []
        assert cluster.trigger["status"]["counts"]["deduplicated"] == 1

    run_virtually(scenario())
