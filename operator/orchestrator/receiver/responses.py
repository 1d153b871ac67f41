"""The answers of the receiver: JSON objects, and what senders do with each status."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from aiohttp import web

from orchestrator.dispatch.delivery import Delivery
from orchestrator.triggers.plan import Outcome
from orchestrator.triggers.sources import HttpResponse

RETRY_SECONDS = 5
"""Seconds after which a sender may try again when its event could not be stored."""

STATUSES = {
    200: "A handshake or test was answered, the event is of a kind that starts nothing, or the "
    "caller waited for the result, which the answer contains.",
    202: "The event is stored. `outcome` says what became of it: `started`, `deduplicated` (the "
    "execution of an earlier delivery is named), `filtered` or `limited`.",
    400: "The body, or a header of the event, is not valid; `message` says why. Do not retry.",
    401: "The request is not verified. The answer is the same if there is no such Trigger, or one "
    "that takes no requests.",
    403: "The caller of an `apiEndpoint` is known, but may not fire the Trigger.",
    405: "Only POST, and OPTIONS for the handshake of CloudEvents, are accepted.",
    408: "The body did not arrive in time.",
    409: "The Trigger is suspended.",
    413: "The body is too large.",
    415: "The content type is not accepted, or the body is compressed.",
    422: "The event cannot be handled, now or later: an expression of the Trigger fails, or the "
    "API server refuses the execution. The Trigger's status says why.",
    429: "Too many requests at a time. Retry after the seconds in `Retry-After`.",
    503: "The event is not stored: the API server did not answer in time, a quota refuses the "
    "execution, or the Secrets of the Trigger cannot be read. Retry after the seconds in "
    "`Retry-After`.",
}
"""The statuses of answers at the path of a Trigger, and what they mean for a sender."""


def json_response(
    status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> web.Response:
    """An answer with a JSON object."""
    text = orjson.dumps(body) + b"\n"
    return web.Response(
        status=status, body=text, content_type="application/json", headers=dict(headers or {})
    )


def refusal(status: int, message: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """An answer that says what is wrong."""
    return json_response(status, {"message": message}, headers)


def unavailable(message: str, seconds: int = RETRY_SECONDS) -> web.Response:
    """The event is not stored: the sender tries again."""
    return refusal(503, message, {"Retry-After": str(seconds)})


def from_trigger_type(given: HttpResponse) -> web.Response:
    """An answer of a trigger type, such as that to a handshake."""
    headers = dict(given.headers)
    if 200 <= given.status < 300 and headers:
        return web.Response(
            status=given.status, body=given.message.encode("utf-8", "replace"), headers=headers
        )
    if given.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return refusal(given.status, given.message, headers)


def delivered(deliveries: Sequence[Delivery]) -> web.Response:
    """The answer to events that are stored, or need no execution."""
    failed = all(each.outcome is Outcome.FAILED for each in deliveries)
    described = [_described(each) for each in deliveries]
    body = described[0] if len(described) == 1 else {"events": described}
    return json_response(422 if failed else 202, body)


def _described(delivery: Delivery) -> dict[str, str]:
    body = {"outcome": delivery.outcome.value}
    if delivery.execution:
        body["execution"] = delivery.execution
    if delivery.message:
        body["message"] = delivery.message
    return body
