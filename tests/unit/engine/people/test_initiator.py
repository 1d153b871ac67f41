"""Who is behind an execution, as its spec says."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.engine.people.initiator import UNKNOWN, initiator_of

TRIGGER = {"type": "execution", "name": "after", "depth": 1}


@pytest.mark.parametrize(
    ("spec", "initiator"),
    [
        ({"requester": "ana"}, "ana"),
        ({"requester": "ana", "parent": {"name": "p"}}, "ana"),
        ({}, UNKNOWN),
        ({"requester": ""}, UNKNOWN),
        ({"parent": {"name": "p"}}, UNKNOWN),
        ({"rerunOf": {"name": "old", "from": ["a"]}}, UNKNOWN),
        ({"trigger": TRIGGER}, None),
        ({"trigger": {**TRIGGER, "requester": "ana"}}, "ana"),
        ({"trigger": {**TRIGGER, "requester": ""}}, UNKNOWN),
        ({"trigger": {**TRIGGER, "requester": "ana"}, "parent": {"name": "p"}}, "ana"),
        ({"requester": "bob", "trigger": {**TRIGGER, "requester": "ana"}}, "bob"),
    ],
)
def test_the_initiator_is_the_requester_or_the_person_behind_the_event(
    spec: dict[str, Any], initiator: str | None
) -> None:
    assert initiator_of({"workflow": "flow", **spec}) == initiator
