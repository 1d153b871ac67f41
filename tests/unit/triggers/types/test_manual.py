"""`manual`: the inputs of a start by hand are checked, and a request is one event."""

from __future__ import annotations

from orchestrator.triggers.readiness import judge_trigger
from orchestrator.triggers.registry import REGISTRY
from orchestrator.triggers.types.manual import ByHand, start, wrong_inputs

SCHEMA = {"required": ["service"], "properties": {"service": {"enum": ["shop"]}}}


def test_inputs_are_checked_against_the_schema_and_without_one_for_their_size() -> None:
    settings = ByHand(inputs=SCHEMA)
    assert wrong_inputs(settings, {"service": "shop"}) == ""
    assert "inputs.service: must be one of" in wrong_inputs(settings, {"service": "bank"})
    assert wrong_inputs(ByHand(), {"any": [1, None]}) == ""
    assert "inputs are at most" in wrong_inputs(ByHand(), {"x": "y" * 5000})


def test_the_same_request_is_the_same_event_whoever_makes_it() -> None:
    one, other = start({}, "1", 10.0, "ana"), start({"a": 1}, "1", 20.0, "ben")
    assert one.identity == other.identity != start({}, "2", 10.0, "ana").identity
    assert (one.requester, other.requester) == ("ana", "ben")


def test_a_schema_with_unknown_keywords_is_refused() -> None:
    spec = {"workflow": "w", "manual": {"inputs": {"anyOf": []}}}
    assert "spec.manual.inputs" in judge_trigger(REGISTRY, spec, {}).message
