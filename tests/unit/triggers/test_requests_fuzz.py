"""Whatever arrives, a request is an event or an answer, and an event can be planned."""

from __future__ import annotations

import itertools
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from orchestrator.models.trigger import TriggerSpec
from orchestrator.triggers.plan import PlannedExecution, plan
from orchestrator.triggers.registry import REGISTRY
from orchestrator.triggers.schemes.registry import GENERAL, VENDORS
from orchestrator.triggers.sources import Event, HttpRequest, HttpResponse, Requests
from orchestrator.triggers.trigger_type import TriggerType
from tests.signed_requests import ALERTMANAGER, AT, CLOUD_EVENT, SECRET, SECRETS

METADATA = {"name": "t", "namespace": "ns", "uid": "u"}
SPEC = TriggerSpec(workflow="w")
TYPES = [each for each in REGISTRY.types if isinstance(each.source, Requests)]
OWN: dict[str, Any] = {
    "basic": {"username": "u"},
    "hmac": {"header": "x-sig", "timestampHeader": "x-time"},
}
NAMES = st.sampled_from(
    [
        "content-type", "authorization", "x-sig", "x-time", "x-hub-signature-256",
        "x-github-event", "x-github-delivery", "x-gitlab-token", "idempotency-key",
        "x-slack-signature", "x-slack-request-timestamp", "x-pagerduty-signature",
        "stripe-signature", "webhook-id", "webhook-timestamp", "webhook-signature",
        "webhook-request-origin", "ce-id", "ce-source", "ce-type", "ce-specversion", "ce-time",
    ]
)  # fmt: skip
TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    st.sampled_from(
        [
            "application/json", "application/x-www-form-urlencoded", "1.0", "application/xml",
            "application/cloudevents+json", "application/cloudevents-batch+json",
            f"Bearer {SECRET.decode()}", "Basic dTpz", f"{AT:.0f}", "t=1,v1=", "v1,", "ping",
        ]
    ),
)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from([*ALERTMANAGER, *CLOUD_EVENT, "payload", "type", "orgId"])
            | st.text(max_size=8),
            inner,
            max_size=8,
        )
    ),
    max_leaves=20,
)


def as_json(value: Any) -> bytes:
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        return b"null"


def changed(whole: dict[str, Any]) -> st.SearchStrategy[bytes]:
    """A valid body of which some fields are others."""
    fields = st.dictionaries(st.sampled_from(sorted(whole)), JSON, max_size=3)
    return fields.map(lambda given: as_json({**whole, **given}))


BODIES = st.one_of(
    st.binary(max_size=200), JSON.map(as_json), changed(ALERTMANAGER), changed(CLOUD_EVENT)
)


def settings_of(type_: TriggerType[Any]) -> list[Any]:
    """The settings of a type with each of its schemes; without verification for the fuzz of what
    comes after it."""
    keys = {each.key for each in (*VENDORS, *GENERAL)} & set(type_.settings.model_fields)
    given: list[dict[str, Any]] = [
        {key: {"secrets": SECRETS, **OWN.get(key, {})}}
        if key != "mutualTLS"
        else {key: {"subjects": ["ci"]}}
        for key in sorted(keys)
    ]
    return [type_.settings.model_validate(each) for each in given or [{}]]


CASES = list(itertools.chain.from_iterable([(t, s) for s in settings_of(t)] for t in TYPES))


@pytest.mark.parametrize(("type_", "settings"), CASES)
@examples(max_examples=40)
@given(
    headers=st.dictionaries(NAMES, TEXTS, max_size=8),
    body=BODIES,
    verified=st.booleans(),
    method=st.sampled_from(["POST", "POST", "POST", "OPTIONS"]),
)
def test_any_request_is_answered_or_becomes_events_that_can_be_planned(
    type_: TriggerType[Any],
    settings: Any,
    headers: dict[str, str],
    body: bytes,
    verified: bool,
    method: str,
) -> None:
    if verified:
        headers = {**headers, "authorization": f"Bearer {SECRET.decode()}"}
    source = type_.source
    assert isinstance(source, Requests)
    certificate = ("ci",) if verified else ()
    request = HttpRequest(method, headers, {}, body, AT, "ana", certificate, "id")
    found = source.receive(settings, request, [SECRET, b"", b"\xff"])
    if isinstance(found, HttpResponse):
        assert 200 <= found.status < 500
        return
    for event in found:
        assert isinstance(event, Event)
        planned = plan(METADATA, SPEC, event)
        assert isinstance(planned, PlannedExecution), planned
        orjson.dumps(planned.trigger)
