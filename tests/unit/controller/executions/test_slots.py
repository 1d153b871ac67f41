"""Slots under two operators, crashes and deletions: never more than the limit, and none is lost."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from orchestrator.controller.executions.admission.slot_store import MAX_GONE
from orchestrator.controller.executions.admission.slots import (
    GONE_RECHECK,
    HEAD_RECHECK,
    Queued,
    Slots,
)
from orchestrator.controller.executions.reconcile_context import ReconcileContext
from orchestrator.engine.concurrency.slots import Claim, Holder, SlotDecision, judge
from orchestrator.engine.lifecycle.admission import Refusal
from orchestrator.kube.client import ApiClient
from orchestrator.models.workflow import ConcurrencyPolicy
from tests.apiserver import ApiServer

LIMIT = 2


@dataclass
class Outside:
    """A context with what Slots needs."""

    client: ApiClient
    executions: list[dict[str, Any]] = field(default_factory=list)
    requeued: list[tuple[str, str]] = field(default_factory=list)

    @property
    def queue(self) -> Outside:
        return self

    def add(self, key: tuple[str, str]) -> None:
        self.requeued.append(key)

    def clock(self) -> float:
        return 1_700_000_000.0


def slots_of(client: ApiClient, queued: Iterable[dict[str, Any]] = ()) -> tuple[Slots, Outside]:
    outside = Outside(client, list(queued))
    return Slots(cast("ReconcileContext", outside)), outside


def claim(
    number: int,
    policy: ConcurrencyPolicy = ConcurrencyPolicy.QUEUE,
    limit: int = LIMIT,
    priority: int = 0,
) -> Claim:
    order = (-priority, f"2026-01-01T00:00:{number:02}Z", f"u{number}")
    return Claim("slots-x", "workflow w", "", limit, policy, order, f"e{number}", f"u{number}")


def key(number: int) -> tuple[str, str]:
    return "ns", f"e{number}"


def raw(number: int, phase: str = "Pending", **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": f"e{number}", "namespace": "ns", "uid": f"u{number}"},
        "spec": {"workflow": "w", **spec},
        "status": {"phase": phase},
    }


async def put(server: ApiServer, number: int, phase: str = "Running", **spec: Any) -> None:
    fields = raw(number, phase, **spec)
    await server.put(
        "workflowexecutions",
        "ns",
        f"e{number}",
        metadata={"uid": f"u{number}"},
        spec=fields["spec"],
        status=fields["status"],
    )


def holders(server: ApiServer) -> list[str]:
    stored = server.objects.get(("configmaps", "ns", "slots-x"))
    text = stored["data"]["admitted"] if stored else "[]"
    return [part.split('"')[0] for part in text.split('"name":"')[1:]]


async def test_a_limit_admits_so_many_and_the_next_when_one_has_ended(
    server: ApiServer, client: ApiClient
) -> None:
    slots, outside = slots_of(client)
    for number in range(3):
        await put(server, number)
    assert await slots.admit(key(0), claim(0), raw(0)) is None
    assert await slots.admit(key(1), claim(1), raw(1)) is None
    waits = await slots.admit(key(2), claim(2), raw(2))
    assert isinstance(waits, Queued)
    assert waits.message == "concurrency limit 2 of workflow w reached; queued"
    await put(server, 0, "Succeeded")
    await slots.release("ns", claim(0))
    assert outside.requeued == [key(2)]
    assert await slots.admit(key(2), claim(2), raw(2)) is None
    assert holders(server) == ["e1", "e2"]


async def test_the_list_is_deleted_when_no_execution_holds_a_slot(
    server: ApiServer, client: ApiClient
) -> None:
    slots, _ = slots_of(client)
    await put(server, 0)
    await slots.admit(key(0), claim(0), raw(0))
    await slots.release("ns", claim(0))
    assert ("configmaps", "ns", "slots-x") not in server.objects


async def test_no_execution_overtakes_the_head_and_priority_goes_first(
    server: ApiServer, client: ApiClient
) -> None:
    slots, outside = slots_of(client)
    for number in range(4):
        await put(server, number)
    await slots.admit(key(0), claim(0, limit=1), raw(0))
    assert isinstance(await slots.admit(key(2), claim(2, limit=1), raw(2)), Queued)
    assert isinstance(await slots.admit(key(1), claim(1, limit=1), raw(1)), Queued)
    urgent = claim(3, limit=1, priority=5)
    assert isinstance(await slots.admit(key(3), urgent, raw(3)), Queued)
    await slots.release("ns", claim(0, limit=1))
    assert outside.requeued == [key(3)]
    assert isinstance(await slots.admit(key(1), claim(1, limit=1), raw(1)), Queued)
    assert await slots.admit(key(3), urgent, raw(3)) is None
    assert outside.requeued[-1] == key(1)


async def test_a_crash_leaks_no_slot(server: ApiServer, client: ApiClient) -> None:
    before, _ = slots_of(client)
    for number in range(5):
        await put(server, number)
    for number in (0, 1):
        await before.admit(key(number), claim(number), raw(number))
    await put(server, 0, "Failed")  # ended, and the operator was killed before it said so
    await server.remove("workflowexecutions", "ns", "e1")
    after, _ = slots_of(client)
    for number in (2, 3):
        assert await after.admit(key(number), claim(number), raw(number)) is None
    assert holders(server) == ["e2", "e3"]


async def test_who_was_admitted_before_a_crash_is_not_admitted_twice(
    server: ApiServer, client: ApiClient
) -> None:
    before, _ = slots_of(client)
    await put(server, 0, "Pending")
    await before.admit(key(0), claim(0), raw(0))
    after, _ = slots_of(client)
    assert await after.admit(key(0), claim(0), raw(0)) is None
    assert holders(server) == ["e0"]


async def test_after_a_start_the_queue_stands_in_line_again_before_anybody_is_admitted(
    client: ApiClient, server: ApiServer
) -> None:
    for number in (1, 2):
        await put(server, number, "Queued")
    slots, _ = slots_of(client, [raw(1, "Queued"), raw(2, "Queued")])
    assert isinstance(await slots.admit(key(2), claim(2, limit=1), raw(2)), Queued)
    assert await slots.admit(key(1), claim(1, limit=1), raw(1)) is None
    assert isinstance(await slots.admit(key(2), claim(2, limit=1), raw(2)), Queued)


async def test_forbid_ends_at_once_and_replace_cancels_the_oldest(
    server: ApiServer, client: ApiClient
) -> None:
    slots, _ = slots_of(client)
    for number in range(4):
        await put(server, number)
    for number in (0, 1):
        await slots.admit(key(number), claim(number), raw(number))
    refusal = await slots.admit(key(2), claim(2, ConcurrencyPolicy.FORBID), raw(2))
    assert isinstance(refusal, Refusal)
    assert (refusal.phase, refusal.reason) == ("Cancelled", "ConcurrencyForbidden")
    replacing = claim(3, ConcurrencyPolicy.REPLACE)
    waits = await slots.admit(key(3), replacing, raw(3))
    assert isinstance(waits, Queued)
    asked = server.objects["workflowexecutions", "ns", "e0"]["status"]["cancelRequested"]
    assert (asked["reason"], "e3 replaces it" in asked["message"]) == ("Replaced", True)
    assert "cancelRequested" not in server.objects["workflowexecutions", "ns", "e1"]["status"]
    await put(server, 0, "Cancelled")
    await slots.release("ns", claim(0))
    assert await slots.admit(key(3), replacing, raw(3)) is None


async def test_a_sub_execution_never_waits_for_its_own_parent(
    server: ApiServer, client: ApiClient
) -> None:
    slots, _ = slots_of(client)
    await put(server, 0)
    await put(server, 1, parent={"name": "e0", "uid": "u0"})
    await slots.admit(key(0), claim(0, limit=1), raw(0))
    child = raw(2, parent={"name": "e1", "uid": "u1"})
    refusal = await slots.admit(key(2), claim(2, limit=1), child)
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "ConcurrencyHeldByAncestor"


@pytest.mark.parametrize("seed", range(12))
async def test_whatever_happens_never_more_than_the_limit_and_all_get_their_turn(
    server: ApiServer, client: ApiClient, seed: int
) -> None:
    chance = random.Random(seed)
    operators = [slots_of(client)[0] for _ in range(2)]
    running: set[int] = set()
    done: set[int] = set()
    for number in range(12):
        await put(server, number, "Queued")
    for _ in range(4000):
        if len(done) == 12:
            break
        number = chance.choice([n for n in range(12) if n not in done])
        operator = chance.randrange(2)
        if number in running:
            if chance.random() < 0.4:
                running.discard(number)
                done.add(number)
                await put(server, number, "Succeeded")
                if chance.random() < 0.5:  # else it crashed before giving the slot back
                    await operators[operator].release("ns", claim(number))
                    operators[operator].leave(key(number))
        elif await operators[operator].admit(key(number), claim(number), raw(number)) is None:
            running.add(number)
        if chance.random() < 0.05:
            operators[operator] = slots_of(client)[0]  # killed and restarted
        for slots in operators:
            for number in done:
                slots.leave(key(number))
        assert len(running) <= LIMIT
    assert len(done) == 12


def test_who_holds_a_slot_keeps_it_whatever_the_limit_says_now() -> None:
    held = [Holder("u1", "e1"), Holder("u2", "e2"), Holder("u3", "e3")]
    assert judge(claim(2, limit=1), held, ahead=0) is SlotDecision.HELD
    assert judge(claim(4, limit=3), held, ahead=0) is SlotDecision.WAIT
    assert judge(claim(4, limit=4), held, ahead=1) is SlotDecision.WAIT
    assert judge(claim(4, limit=4), held, ahead=0) is SlotDecision.ADMIT


async def test_what_is_forbidden_to_wait_is_refused_only_where_all_slots_are_taken(
    server: ApiServer, client: ApiClient
) -> None:
    slots, _ = slots_of(client)
    claims = [claim(number, ConcurrencyPolicy.FORBID, limit=3) for number in range(5)]
    for number in range(5):
        await put(server, number)
    at_once = (slots.admit(key(each), claims[each], raw(each)) for each in range(5))
    outcomes = dict(enumerate(await asyncio.gather(*at_once)))
    for _ in range(3):  # who waits is looked at again when the one before has a slot
        for number, outcome in outcomes.items():
            if isinstance(outcome, Queued):
                outcomes[number] = await slots.admit(key(number), claims[number], raw(number))
    assert [outcome is None for outcome in outcomes.values()] == [True] * 3 + [False] * 2
    assert isinstance(outcomes[4], Refusal)
    assert sorted(holders(server)) == ["e0", "e1", "e2"]


async def test_what_has_just_ended_is_not_asked_to_end(
    server: ApiServer, client: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    slots, _ = slots_of(client)
    for number in range(2):
        await put(server, number)
    await slots.admit(key(0), claim(0, limit=1), raw(0))
    get, reads = client.get, []

    async def ending(resource: Any, namespace: str, name: str, **more: Any) -> Any:
        if name == "e0":
            reads.append(name)
            if len(reads) == 2:  # the first asks whether it holds its slot
                now = "2026-01-01T00:00:00Z"
                ended = {"phase": "Succeeded", "finishedAt": now}
                await server.put("workflowexecutions", namespace, name, status=ended)
        return await get(resource, namespace, name, **more)

    monkeypatch.setattr(client, "get", ending)
    replaces = claim(1, ConcurrencyPolicy.REPLACE, limit=1)
    assert isinstance(await slots.admit(key(1), replaces, raw(1)), Queued)
    assert len(reads) == 2
    status = server.objects["workflowexecutions", "ns", "e0"]["status"]
    assert "cancelRequested" not in status


async def edit(server: ApiServer, numbers: Iterable[int]) -> None:
    listed = [{"uid": f"u{number}", "name": f"e{number}"} for number in numbers]
    await server.put(
        "configmaps", "ns", "slots-x", data={"admitted": json.dumps(listed, separators=(",", ":"))}
    )


async def test_a_pass_reads_few_of_many_forged_holders_and_gives_no_slot_twice(
    server: ApiServer, client: ApiClient
) -> None:
    for number in range(3):
        await put(server, number)
    await edit(server, [*range(1_000, 2_000), 0, 1])
    slots, _ = slots_of(client)
    for number in range(1, 6):
        waits = await slots.admit(key(2), claim(2), raw(2))
        assert isinstance(waits, Queued)
        assert waits.retry_after == GONE_RECHECK
        assert len(holders(server)) == 1_002 - number * MAX_GONE
    waits = await slots.admit(key(2), claim(2), raw(2))
    assert isinstance(waits, Queued)
    assert waits.retry_after == HEAD_RECHECK
    assert holders(server) == ["e0", "e1"]
    await slots.release("ns", claim(0))
    assert await slots.admit(key(2), claim(2), raw(2)) is None


async def test_forged_holders_behind_those_that_run_are_not_read(
    server: ApiServer, client: ApiClient
) -> None:
    for number in range(3):
        await put(server, number)
    await edit(server, [0, 1, *range(1_000, 2_000)])
    slots, _ = slots_of(client)
    waits = await slots.admit(key(2), claim(2), raw(2))
    assert isinstance(waits, Queued)
    assert waits.retry_after == HEAD_RECHECK
    assert len(holders(server)) == 1_002
    await put(server, 0, "Failed")
    assert isinstance(await slots.admit(key(2), claim(2), raw(2)), Queued)
    assert len(holders(server)) == 1_002 - MAX_GONE


async def test_nothing_is_kept_of_one_that_goes_between_its_slot_and_its_admission(
    client: ApiClient, server: ApiServer
) -> None:
    await put(server, 1, "Pending")
    slots, _ = slots_of(client)
    assert await slots.admit(key(1), claim(1), raw(1)) is None
    slots.leave(key(1))
    assert slots._half_admitted == {}
