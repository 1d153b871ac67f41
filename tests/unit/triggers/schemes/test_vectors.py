"""Each scheme accepts what its vendor has published, and no change of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from orchestrator.triggers.sources import HttpRequest, HttpResponse
from orchestrator.triggers.types.webhook import WEBHOOK, receive

SECRETS = [{"name": "hooks", "key": "new"}, {"name": "hooks", "key": "old"}]


@dataclass(frozen=True)
class Vector:
    """A signed request."""

    scheme: str
    secret: bytes
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    at: float = 0.0
    """When it was sent."""

    def answer(self, *secrets: bytes, request: HttpRequest | None = None) -> int:
        """The status of the answer; 202 if the request is an event."""
        settings = WEBHOOK.settings.model_validate({self.scheme: {"secrets": SECRETS}})
        found = receive(settings, request or self.request, secrets or (self.secret,))
        return found.status if isinstance(found, HttpResponse) else 202

    @property
    def request(self) -> HttpRequest:
        return HttpRequest("POST", self.headers, {}, self.body, self.at)


VECTORS = {
    # https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
    "github": Vector(
        "github",
        b"It's a Secret to Everybody",
        b"Hello, World!",
        {
            "x-hub-signature-256": "sha256="
            "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
        },
    ),
    # https://docs.slack.dev/authentication/verifying-requests-from-slack
    "slack": Vector(
        "slack",
        b"8f742231b10e8888abcd99yyyzzz85a5",
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow"
        b"&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner"
        b"&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands"
        b"%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
        b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c",
        {
            "content-type": "application/x-www-form-urlencoded",
            "x-slack-request-timestamp": "1531420618",
            "x-slack-signature": "v0="
            "a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
        },
        at=1531420618.0,
    ),
    # https://github.com/standard-webhooks/standard-webhooks, from the tests of its libraries
    "standardWebhooks": Vector(
        "standardWebhooks",
        b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        b'{"test": 2432232314}',
        {
            "content-type": "application/json",
            "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "webhook-timestamp": "1614265330",
            "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        },
        at=1614265330.0,
    ),
}
ALL = pytest.mark.parametrize("vector", VECTORS.values(), ids=VECTORS)


@ALL
def test_a_published_signature_is_verified(vector: Vector) -> None:
    verified = 415 if vector.scheme == "github" else 202  # the published body is no JSON
    assert vector.answer() == verified
    assert vector.answer(b"new secret", vector.secret) == verified


@ALL
def test_no_change_is_accepted(vector: Vector) -> None:
    request = vector.request
    assert vector.answer(request=replace(request, body=vector.body + b" ")) == 401
    assert vector.answer(request=replace(request, body=b"")) == 401
    assert vector.answer(b"another") == 401
    assert vector.answer(b"") == 401
    for name, text in vector.headers.items():
        if name == "content-type":
            continue
        without = {key: value for key, value in vector.headers.items() if key != name}
        assert vector.answer(request=replace(request, headers=without)) == 401
        for changed in (text[:-1], text + "0", text.upper() + "x", "", "\xe9", "\udce9"):
            headers = {**vector.headers, name: changed}
            assert vector.answer(request=replace(request, headers=headers)) == 401


@pytest.mark.parametrize("scheme", ["slack", "standardWebhooks"])
def test_a_replay_is_refused_after_five_minutes_and_before_the_clock(scheme: str) -> None:
    vector = VECTORS[scheme]
    for seconds, status in ((300, 202), (301, 401), (-300, 202), (-301, 401)):
        request = replace(vector.request, received_at=vector.at + seconds)
        assert vector.answer(request=request) == status
