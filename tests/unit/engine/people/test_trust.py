"""What of a spec is believed, as policies come, go and change."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.engine.people.protection import POLICY_SETTLE_SECONDS, UNCHECKED, Policies
from orchestrator.engine.people.trust import (
    TRUSTED,
    Trust,
    entries_of,
    fingerprint,
    trust_at_admission,
    trust_from_status,
    trust_to_status,
    trust_under,
)

CREATED = 1000.0
VOTE = {"node": "ask", "by": "ana", "decision": "Approve"}
SIGNAL = {"id": "1", "name": "go", "by": "ana"}
ENTRIES = (VOTE, SIGNAL)
OLD = Policies("old", CREATED - POLICY_SETTLE_SECONDS)
YOUNG = Policies("young", CREATED - POLICY_SETTLE_SECONDS + 1)


def ignored(*entries: dict[str, Any]) -> frozenset[str]:
    return frozenset(fingerprint(entry) for entry in entries)


def test_policies_in_effect_before_the_creation_make_all_of_it_believed() -> None:
    assert trust_at_admission(OLD, CREATED, ENTRIES, CREATED) == Trust("old")


@pytest.mark.parametrize("policies", [None, YOUNG])
def test_without_policies_in_effect_at_the_creation_the_requester_is_unknown(
    policies: Policies | None,
) -> None:
    trust = trust_at_admission(policies, CREATED, ENTRIES, CREATED)
    assert trust == Trust("", requester=False)


def test_what_is_there_when_policies_take_effect_is_ignored() -> None:
    late = CREATED + 100
    trust = trust_at_admission(YOUNG, CREATED, ENTRIES, late)
    assert trust == Trust("young", requester=False, ignored=ignored(VOTE, SIGNAL))
    assert not trust.believes(VOTE)
    assert trust.believes({**VOTE, "comment": "again"})
    assert trust.believes({**VOTE, "at": "2026-11-28T12:00:00Z"})


def test_policies_take_effect_ten_seconds_after_they_are_in_place() -> None:
    new = Policies("new", CREATED + 50)
    before = Trust("old")
    assert (
        trust_under(before, new, CREATED, ENTRIES, CREATED + 50 + POLICY_SETTLE_SECONDS - 1)
        == before
    )
    after = trust_under(before, new, CREATED, ENTRIES, CREATED + 50 + POLICY_SETTLE_SECONDS)
    assert after == Trust("new", ignored=ignored(VOTE, SIGNAL))


def test_missing_policies_and_those_that_are_known_change_nothing() -> None:
    trust = Trust("old", requester=False, ignored=ignored(SIGNAL))
    for policies in (None, OLD, UNCHECKED):
        assert trust_under(trust, policies, CREATED, ENTRIES, CREATED + 1000) == trust


def test_other_policies_forget_what_was_believed_and_what_was_ignored_stays_so() -> None:
    trust = Trust("old", ignored=ignored(SIGNAL))
    other = Policies("other", CREATED + 10)
    again = trust_under(trust, other, CREATED, ENTRIES, CREATED + 1000)
    assert again == Trust("other", ignored=ignored(VOTE, SIGNAL))


def test_one_admitted_by_an_earlier_release_is_believed_under_older_policies_only() -> None:
    assert trust_under(TRUSTED, OLD, CREATED, ENTRIES, CREATED + 1) == Trust("old")
    late = trust_under(TRUSTED, YOUNG, CREATED, ENTRIES, CREATED + 100)
    assert late.ignored == ignored(VOTE, SIGNAL)


def test_a_status_gives_it_back_and_holds_nothing_of_what_is_ordinary() -> None:
    assert trust_to_status(TRUSTED) == {}
    assert trust_from_status(None) == TRUSTED
    for trust in (Trust("a"), Trust(requester=False), Trust("b", False, ignored(VOTE))):
        assert trust_from_status(trust_to_status(trust)) == trust


def test_a_fingerprint_depends_on_all_that_is_said_and_not_on_its_order() -> None:
    assert fingerprint(VOTE) == fingerprint(dict(reversed(VOTE.items())))
    changed: list[dict[str, Any]] = [
        {**VOTE, "groups": ["sre"]},
        {**VOTE, "decision": "Reject"},
        {**VOTE, "inputs": {}},
    ]
    assert len({fingerprint(entry) for entry in [VOTE, *changed]}) == 4
    assert list(entries_of({"decisions": [VOTE], "signals": [SIGNAL]})) == [VOTE, SIGNAL]
    assert list(entries_of({})) == []


def test_what_is_nested_too_deep_has_a_fingerprint_too() -> None:
    deep: Any = 1
    for _ in range(600):
        deep = [deep]
    assert fingerprint({**VOTE, "inputs": {"x": deep}}) != fingerprint(VOTE)
    assert fingerprint({**SIGNAL, "payload": {"x": deep}}) != fingerprint(SIGNAL)
