"""An approval: which decisions count, and what they come to."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.engine.nodes.approval import count_votes, refusal_of
from orchestrator.engine.people.protection import (
    MISSING_POLICY_CHECK_SECONDS,
    POLICY_CHECK_SECONDS,
    UNCHECKED,
)
from orchestrator.engine.people.trust import Trust, fingerprint
from orchestrator.engine.status.records import Record
from orchestrator.models.execution import NodePhase
from orchestrator.models.reasons import Reason
from orchestrator.models.workflow import Approval
from tests.builders import graph
from tests.engine import NOW, decide, run_of

SCHEMA = {"properties": {"ticket": {"type": "string"}}, "required": ["ticket"]}
WAITING = Record(NodePhase.WAITING, Reason.AWAITING_APPROVAL, started_at=NOW)


def vote(by: str = "ana", decision: str = "Approve", **fields: Any) -> dict[str, Any]:
    return {"node": "ask", "by": by, "decision": decision, **fields}


def approval(**fields: Any) -> Approval:
    return Approval.model_validate({"approvers": ["user:ana", "group:sre"], **fields})


@pytest.mark.parametrize(
    ("decision", "fields", "refusal"),
    [
        (vote(), {}, ""),
        (vote("bob", groups=["dev", "sre"]), {}, ""),
        (vote("bob"), {}, "is not one of the approvers"),
        (vote("group:sre"), {}, "is not one of the approvers"),
        (vote("sre", groups=["ana"]), {}, "is not one of the approvers"),
        (vote("ana"), {"excludeRequester": True}, "started the execution, and the requester is"),
        (vote("bob", groups=["sre"]), {"excludeRequester": True}, ""),
        (vote(), {"inputs": SCHEMA}, "gave invalid inputs"),
        (vote(inputs={"ticket": "OPS-1"}), {"inputs": SCHEMA}, ""),
        (vote(decision="Reject"), {"inputs": SCHEMA}, ""),
        (vote(inputs={"x": "y" * 300_000}), {}, "gave inputs that cannot be stored"),
    ],
)
def test_who_may_decide(decision: dict[str, Any], fields: dict[str, Any], refusal: str) -> None:
    found = refusal_of(approval(**fields), decision, run_of(requester="ana"))
    assert found.startswith(refusal)
    assert bool(found) is bool(refusal)


def test_the_person_behind_the_event_is_excluded_like_a_requester() -> None:
    run = run_of(trigger={"type": "schedule", "name": "t", "requester": "ana"})
    assert "is behind the event" in refusal_of(approval(excludeRequester=True), vote(), run)


decisions = st.lists(
    st.builds(
        vote,
        by=st.sampled_from(["ana", "bob", "eve"]),
        decision=st.sampled_from(["Approve", "Reject"]),
        groups=st.sampled_from([[], ["sre"]]),
    ),
    max_size=5,
)


@given(decisions, st.sets(st.integers(0, 4)))
def test_every_decision_on_the_node_is_counted_once_or_said_to_be_ignored(
    votes: list[dict[str, Any]], forged: set[int]
) -> None:
    ignored = frozenset(fingerprint(votes[index]) for index in forged if index < len(votes))
    others = [{**vote("ana"), "node": "other"}]
    run = run_of(decisions=tuple(votes + others), trust=Trust(ignored=ignored))
    counted = count_votes(approval(), "ask", run)
    total = len(counted.approved) + len(counted.rejected) + len(counted.ignored)
    assert total == len(votes)
    assert all(fingerprint(one) not in ignored for one in counted.approved + counted.rejected)
    assert all(one["decision"] == "Reject" for one in counted.rejected)


def asked(*votes: dict[str, Any], now: float = NOW, **fields: Any) -> Record:
    """The record after a pass over these decisions."""
    ask = {"approvers": ["user:ana", "group:sre"], **fields}
    compiled = graph({"name": "ask", "approval": ask, "timeout": "60s"})
    return decide(compiled, {"ask": WAITING}, now=now, decisions=votes).records["ask"]


BOB = vote("bob", groups=["sre"])


def test_enough_approvals_end_it_and_are_its_outputs() -> None:
    assert asked(vote()).phase is NodePhase.SUCCEEDED
    done = asked(vote(), BOB, required=2)
    assert done.message == "ana, bob approved it"
    assert done.outputs == {
        "decision": "Approve",
        "by": ["ana", "bob"],
        "inputs": {"ana": {}, "bob": {}},
    }


def test_too_few_are_waited_for_by_name() -> None:
    waiting = asked(vote(), vote("eve"), required=2)
    assert waiting.phase is NodePhase.WAITING
    assert waiting.message == (
        "1 of 2 approved (ana); asked: user:ana, group:sre;"
        " not counted: eve is not one of the approvers"
    )


def test_one_reject_outweighs_all_approvals() -> None:
    failed = asked(vote(), vote("bob", "Reject", groups=["sre"], comment="not today"))
    assert (failed.phase, failed.reason) == (NodePhase.FAILED, Reason.REJECTED)
    assert failed.message == "bob rejected it: not today"
    assert failed.outputs["by"] == ["bob"]


@pytest.mark.parametrize(
    ("on_timeout", "phase", "reason"),
    [
        ("Fail", NodePhase.FAILED, Reason.APPROVAL_TIMED_OUT),
        ("Reject", NodePhase.FAILED, Reason.REJECTED),
        ("Approve", NodePhase.SUCCEEDED, ""),
    ],
)
def test_the_time_to_decide(on_timeout: str, phase: NodePhase, reason: str) -> None:
    over = asked(now=NOW + 60, onTimeout=on_timeout)
    assert (over.phase, over.reason) == (phase, reason)
    assert asked(now=NOW + 59, onTimeout=on_timeout).phase is NodePhase.WAITING
    assert asked(vote(), now=NOW + 60, onTimeout=on_timeout).phase is NodePhase.SUCCEEDED


def test_nothing_counts_without_the_policies() -> None:
    ask = {"approvers": ["user:ana"]}
    compiled = graph({"name": "ask", "approval": ask, "timeout": "60s"})
    decided = decide(compiled, {"ask": WAITING}, policies=None, decisions=(vote(),))
    assert decided.records["ask"].reason == Reason.APPROVALS_UNPROTECTED
    assert decided.wake_at == NOW + MISSING_POLICY_CHECK_SECONDS
    late = decide(compiled, {"ask": WAITING}, policies=None, now=NOW + 60)
    assert late.records["ask"].reason == Reason.APPROVAL_TIMED_OUT


def test_the_policies_are_checked_again_while_it_waits() -> None:
    compiled = graph({"name": "ask", "approval": {"approvers": ["user:ana"]}})
    decided = decide(compiled, {"ask": WAITING}, policies=UNCHECKED)
    assert decided.wake_at == NOW + POLICY_CHECK_SECONDS


def test_whom_to_exclude_must_be_known() -> None:
    unknown = asked(vote(), excludeRequester=True)
    assert (unknown.phase, unknown.reason) == (NodePhase.FAILED, Reason.REQUESTER_UNKNOWN)
