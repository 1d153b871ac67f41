"""Who may run: the claim, its verdict, and the list of who is admitted, edited or not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.engine.concurrency.slots import (
    Claim,
    Holder,
    SlotDecision,
    claim_of,
    forbidden,
    held_by_ancestor,
    holders_from,
    holders_to,
    judge,
)
from orchestrator.engine.lifecycle.admission import Refusal
from orchestrator.models.execution import ExecutionPhase
from orchestrator.models.reasons import Reason
from orchestrator.models.workflow import ConcurrencyPolicy
from tests.builders import action, graph
from tests.engine import run_of

RAW = {"metadata": {"name": "run", "uid": "uid", "creationTimestamp": "2026-01-01T00:00:00Z"}}


def claim(raw: Any = RAW, variables: Any = None, priority: int = 0, **rules: Any) -> Any:
    compiled = graph(action("a"), concurrency=rules, priority=priority)
    return claim_of(compiled, run_of(variables=variables or {}), raw)


def limited(limit: int = 2, policy: str = "Queue", **rules: Any) -> Claim:
    made = claim(limit=limit, policy=policy, **rules)
    assert isinstance(made, Claim)
    return made


# The claim


def test_without_a_limit_nothing_is_claimed() -> None:
    assert claim_of(graph(action("a")), run_of(), RAW) is None


def test_the_slots_are_those_of_the_group_or_workflow_and_the_key() -> None:
    keyed: Any = {"key": "vars.k"}
    names = [
        limited().slots,
        limited(group="g").slots,
        claim(limit=2, variables={"k": "x"}, **keyed).slots,
        claim(limit=2, variables={"k": "y"}, **keyed).slots,
        claim(limit=2, variables={"k": "x"}, group="g", **keyed).slots,
    ]
    assert len(set(names)) == len(names)
    assert limited(limit=7, policy="Forbid").slots == limited().slots
    assert limited(group="g").slots == names[1]


def test_a_group_named_as_a_workflow_shares_no_slots_with_it() -> None:
    assert limited(group="flow").slots != limited().slots
    assert limited().covers("flow")
    assert not limited().covers("other")
    assert limited(group="g").covers("other")


@pytest.mark.parametrize(
    ("value", "key"), [("x", "x"), (7, "7"), (True, "true"), (["a", 1], '["a",1]'), ("", "")]
)
def test_a_key_that_is_no_string_is_written_as_json(value: object, key: str) -> None:
    made = claim(limit=1, key="vars.k", variables={"k": value})
    assert made.key == key
    assert made.words == (
        f"concurrency limit 1 of workflow flow{f' with key {key}' if key else ''} reached"
    )


def test_long_keys_are_cut_for_people_and_told_apart() -> None:
    first, second = (claim(limit=1, key="vars.k", variables={"k": "x" * 300 + end}) for end in "ab")
    assert first.key == second.key == "x" * 256
    assert first.slots != second.slots


def test_a_key_that_cannot_be_computed_refuses_the_execution_with_its_path() -> None:
    refused = claim(limit=1, key="vars.none")
    assert isinstance(refused, Refusal)
    assert refused.message.startswith("spec.concurrency.key: ")


def test_a_queue_is_in_the_order_of_priority_then_age() -> None:
    def order(priority: int, at: str, uid: str) -> Any:
        metadata = {"name": uid, "uid": uid, "creationTimestamp": at}
        return claim({"metadata": metadata}, limit=1, priority=priority).order

    early, late = "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"
    urgent, first, second = order(5, late, "c"), order(0, early, "b"), order(0, late, "a")
    assert sorted([second, first, urgent]) == [urgent, first, second]
    assert order(0, early, "a") < order(0, early, "b")


# The verdict

policies = st.sampled_from(list(ConcurrencyPolicy))
limits, others, aheads = st.integers(1, 4), st.integers(0, 6), st.integers(0, 4)


def judged(limit: int, others: int, ahead: int, policy: ConcurrencyPolicy) -> SlotDecision:
    holders = [Holder(f"other-{number}", "run") for number in range(others)]
    return judge(limited(limit, policy.value), holders, ahead=ahead)


@given(limits, others, aheads, policies)
def test_a_slot_is_given_only_below_the_limit_and_in_order(
    limit: int, others: int, ahead: int, policy: ConcurrencyPolicy
) -> None:
    admitted = judged(limit, others, ahead, policy) is SlotDecision.ADMIT
    assert admitted is (others < limit and ahead == 0)


@given(limits, others, aheads, policies)
def test_who_holds_a_slot_keeps_it_whatever_came_since(
    limit: int, others: int, ahead: int, policy: ConcurrencyPolicy
) -> None:
    holders = [Holder(f"other-{number}", "run") for number in range(others)]
    mine = [*holders, Holder("uid", "run")]
    assert judge(limited(limit, policy.value), mine, ahead=ahead) is SlotDecision.HELD


@given(limits, others, aheads)
def test_forbid_waits_only_for_those_that_leave_it_a_slot(
    limit: int, others: int, ahead: int
) -> None:
    verdict = judged(limit, others, ahead, ConcurrencyPolicy.FORBID)
    room = others + ahead < limit
    assert (verdict is SlotDecision.FORBID) is not room
    assert (verdict is SlotDecision.WAIT) is (room and ahead > 0)


@given(limits, others, aheads)
def test_only_the_head_of_a_full_list_replaces(limit: int, others: int, ahead: int) -> None:
    verdict = judged(limit, others, ahead, ConcurrencyPolicy.REPLACE)
    assert (verdict is SlotDecision.REPLACE) is (ahead == 0 and others >= limit)


@given(limits, others, aheads)
def test_a_queue_waits_for_whatever_it_is_not_given(limit: int, others: int, ahead: int) -> None:
    verdict = judged(limit, others, ahead, ConcurrencyPolicy.QUEUE)
    assert verdict in (SlotDecision.ADMIT, SlotDecision.WAIT)


def test_what_may_not_wait_ends_in_words() -> None:
    refused = forbidden(limited())
    assert (refused.reason, refused.phase) == (
        Reason.CONCURRENCY_FORBIDDEN,
        ExecutionPhase.CANCELLED,
    )
    assert refused.message == (
        "concurrency limit 2 of workflow flow reached, and the policy is Forbid"
    )
    below = held_by_ancestor(limited(), "root")
    assert below.reason == Reason.CONCURRENCY_HELD_BY_ANCESTOR
    assert "its parent root holds a slot" in below.message


# The list of who is admitted


def test_it_is_read_as_it_was_written() -> None:
    holders = [Holder("u1", "run-1"), Holder("u2", "run-2")]
    assert holders_from({"data": holders_to(holders)}) == holders


@pytest.mark.parametrize("raw", [None, {}, {"data": None}, {"data": {}}])
def test_without_a_list_no_execution_holds_a_slot(raw: Any) -> None:
    assert holders_from(raw) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "5",
        "{}",
        "[5, null]",
        '[{"uid": "u1"}]',
        '[{"uid": "", "name": "run"}]',
        '[{"uid": "u1", "name": "../../nodes/a"}]',
        '[{"uid": 1, "name": "run"}]',
        '[{"uid": "u1", "name": ["run"]}]',
    ],
)
def test_what_names_no_execution_holds_no_slot(text: str) -> None:
    assert holders_from({"data": {"admitted": text}}) == []


def test_an_execution_that_is_named_twice_holds_one_slot() -> None:
    text = '[{"uid": "u1", "name": "run-1"}, {"uid": "u2", "name": "run-2"}'
    text += ', {"uid": "u1", "name": "run-1"}' * 1000 + "]"
    assert holders_from({"data": {"admitted": text}}) == [
        Holder("u1", "run-1"),
        Holder("u2", "run-2"),
    ]
