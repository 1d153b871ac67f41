"""webhook-post to receivers that verify: the library of Standard Webhooks, and our own schemes."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError
from standardwebhooks import Webhook, WebhookVerificationError

from orchestrator.actions.action import FAILED, PERMANENT, Context
from orchestrator.actions.notify.webhook_post import WebhookPost
from orchestrator.triggers.schemes.hmac_signature import HMAC, Hmac
from orchestrator.triggers.sources import HttpRequest
from tests.examples import example
from tests.unit.actions.conftest import VirtualClock
from tests.unit.actions.in_process import failure, perform
from tests.vendors.stub import Fault, RefusedError, Request, Response, Stub, json_response

PROVES = {"receivers that verify, with the library of Standard Webhooks": ["webhook-post"]}

SECRET = "whsec_" + base64.b64encode(b"a secret of 24 bytes ...").decode()
KEY = "It's a Secret to Everybody"
SECRETS = [{"name": "hooks", "key": "secret"}]


class Now(VirtualClock):
    """The present, since the library of Standard Webhooks reads the system's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class Receiver(Stub):
    """Two webhooks that accept nothing but what they can verify."""

    def __init__(self) -> None:
        super().__init__()
        self.received: list[Any] = []
        self.route("POST", "/standard", self.standard)
        self.route("POST", "/hmac", self.hmac)
        self.route("POST", "/open", self.open)

    def error(self, refusal: RefusedError) -> Response:
        return json_response(refusal.status, {"message": refusal.message})

    def standard(self, request: Request) -> Response:
        try:
            Webhook(SECRET).verify(request.body, dict(request.headers))
        except WebhookVerificationError as error:
            raise RefusedError(401, str(error)) from None
        return self._accept(request)

    def hmac(self, request: Request) -> Response:
        settings = {"header": "X-Hub-Signature-256", "prefix": "sha256=", "secrets": SECRETS}
        sent = HttpRequest("POST", request.headers, {}, request.body, 0, "", id="1")
        if problem := HMAC.verify(Hmac.model_validate(settings), sent, [KEY.encode()]):
            raise RefusedError(401, problem)
        return self._accept(request)

    def open(self, request: Request) -> Response:
        request.demand_bearer("t0ken")
        return self._accept(request)

    def _accept(self, request: Request) -> Response:
        request.demand_content_type("application/json")
        self.received.append(json.loads(request.body))
        return Response(202, b"x" * 1024)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as stub:
        yield stub


@pytest.fixture
def context(context: Context) -> Context:
    return replace(context, clock=Now())


def test_a_standard_webhook_is_verified_by_its_library(
    receiver: Receiver, context: Context, log: list[str]
) -> None:
    payload = {"type": "deployment.finished", "data": {"größe": [1, None]}}
    url = f"{receiver.url}/standard"
    outputs = perform("webhook-post", context, url=url, payload=payload, secret=SECRET + "\n")
    assert outputs["status"] == 202
    again = perform("webhook-post", context, url=url, payload=payload, secret=SECRET)
    assert again == outputs
    assert receiver.received == [payload, payload]
    ids = {each.headers["webhook-id"] for each in receiver.requests}
    assert ids == {each.headers["idempotency-key"] for each in receiver.requests} == {outputs["id"]}
    assert SECRET not in "".join(log)


def test_an_hmac_is_verified_by_the_receivers_scheme(receiver: Receiver, context: Context) -> None:
    own = {"signing": "hmac", "signatureHeader": "X-Hub-Signature-256", "secret": KEY}
    perform("webhook-post", context, url=f"{receiver.url}/hmac", payload={"a": 1}, **own)
    assert receiver.received == [{"a": 1}]


def test_a_bearer_token_without_a_signature(receiver: Receiver, context: Context) -> None:
    own = {"signing": "none", "token": "t0ken"}
    perform("webhook-post", context, url=f"{receiver.url}/open", payload={}, **own)
    assert receiver.received == [{}]


@pytest.mark.parametrize(
    ("path", "own", "words"),
    [
        ("standard", {"secret": "whsec_d3Jvbmc="}, "401: No matching signature found"),
        ("standard", {"secret": "not base64"}, "secret does not have the form"),
        ("hmac", {"signing": "hmac", "secret": KEY}, "there is no header X-Hub-Signature-256"),
        ("open", {"signing": "none", "token": "wr0ng"}, "401: Authorization is wrong"),
        ("nowhere", {"secret": SECRET}, "404: there is no /nowhere"),
        ("open", {"signing": "none", "payload": {"x": "x" * 300_000}}, "more than the 262144"),
    ],
)
def test_refusals_are_permanent(
    receiver: Receiver, context: Context, path: str, own: dict[str, Any], words: str
) -> None:
    parameters = {"url": f"{receiver.url}/{path}", "payload": {}, **own}
    error = failure("webhook-post", context, **parameters)
    assert (words in str(error), error.exit_code) == (True, PERMANENT), error
    assert "wr0ng" not in str(error)
    assert receiver.received == []


def test_limits_are_waited_for_and_failures_are_worth_a_retry(
    receiver: Receiver, context: Context
) -> None:
    own = {"url": f"{receiver.url}/standard", "payload": {}, "secret": SECRET}
    receiver.fail(Fault(429, {"Retry-After": "2"}))
    assert perform("webhook-post", context, **own)["status"] == 202
    assert context.clock.monotonic() == 2
    receiver.fail(Fault(503))
    assert failure("webhook-post", context, **own).exit_code == FAILED


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "give a secret, or signing none"),
        ({"signing": "none", "secret": "s"}, "give a secret, or signing none"),
        ({"secret": "s", "signatureHeader": "two words"}, "signatureHeader"),
        ({"secret": "s", "signaturePrefix": "a\nb"}, "signaturePrefix"),
        ({"secret": "s", "url": "https://u:p@x"}, "url"),
    ],
)
def test_wrong_parameters_are_refused(changes: dict[str, str], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        WebhookPost.model_validate({"url": "https://x", "payload": {}, **changes})


def test_the_example_runs(receiver: Receiver, context: Context) -> None:
    (parameters,) = example("webhook-post", {"secret": SECRET}, url=f"{receiver.url}/standard")
    assert perform("webhook-post", context, **parameters)["status"] == 202
