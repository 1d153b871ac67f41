"""The OpenAPI description of the receiver is whole: its references resolve, no type is missing."""

from __future__ import annotations

import re
from typing import Any

import pytest

from dev.reference.receiver_openapi import document, receiver_openapi
from orchestrator.receiver import handler, request_reader, responses
from orchestrator.triggers.registry import REGISTRY
from orchestrator.triggers.sources import Requests

DOCUMENT = document()


def test_every_reference_resolves() -> None:
    for reference in set(re.findall(r'"\$ref": "#/([^"]+)"', receiver_openapi())):
        found: Any = DOCUMENT
        for step in reference.split("/"):
            found = found[step]
        assert found["type"] == "object"


def test_every_type_that_takes_requests_is_described_with_its_security() -> None:
    types = {each.key: each for each in REGISTRY.types if isinstance(each.source, Requests)}
    assert DOCUMENT["x-trigger-types"].keys() == types.keys()
    known = DOCUMENT["components"]["securitySchemes"].keys()
    for described in DOCUMENT["x-trigger-types"].values():
        assert described["security"]
        assert set(described["security"]) <= known


@pytest.mark.parametrize("module", [responses, handler, request_reader])
def test_every_status_that_the_receiver_answers_is_described(module: Any) -> None:
    assert module.__file__ is not None
    with open(module.__file__) as file:
        text = file.read()
    used = re.findall(r"\b(?:refusal|HttpResponse|json_response)\((\d{3})\b", text)
    assert {int(status) for status in used} <= responses.STATUSES.keys()
