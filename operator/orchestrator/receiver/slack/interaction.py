"""Reads the interactive payload that Slack posts when a person clicks one of our buttons.

https://docs.slack.dev/reference/interaction-payloads/block_actions-payload
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson

from orchestrator.models.base import is_object_name
from orchestrator.triggers.bodies import FORM, content_type, read_form, read_json, text_of
from orchestrator.triggers.sources import HttpRequest, HttpResponse

ACTION_PREFIX = "automation/"
"""How the action_id of our buttons begins."""
RESPONSE_URL = "https://hooks.slack.com/"
"""How every response_url begins: nothing is sent anywhere else."""
PLAIN = {"Content-Type": "text/plain"}
"""Headers of an empty answer, which is how Slack knows that a click was taken."""
_OTHER_APP = HttpResponse(200, "", PLAIN)


class Click(StrEnum):
    """The buttons, as the rest of their action_id."""

    APPROVE = "approve"
    REJECT = "reject"
    SIGNAL = "signal"


@dataclass(frozen=True, slots=True)
class Interaction:
    """A click on one of our buttons."""

    click: Click
    team: str
    """The Slack workspace."""
    user: str
    """The Slack user in it."""
    at: float
    """When the button was clicked, in seconds since the epoch: it identifies the click."""
    namespace: str
    execution: str
    uid: str
    """Uid of the execution: a later one may have its name, and a forged button cannot know it
    without the right to read the execution."""
    subject: str
    """The node to decide on, or the signal to send."""
    response_url: str
    """The URL for the reply to the user; empty if there is none."""


def read_interaction(
    request: HttpRequest, response_url: str = RESPONSE_URL
) -> Interaction | HttpResponse:
    """The click in a verified request; a response if it is not on one of our buttons.

    Slack shows its users a warning for every status but 200, so clicks on buttons of other apps
    get 200.
    """
    if content_type(request) != FORM:
        return HttpResponse(415, f"send {FORM}, as Slack sends interactions")
    form = read_form(request.body)
    if isinstance(form, HttpResponse):
        return form
    payload = read_json(str(form.get("payload", "")).encode("utf-8", "replace"))
    if isinstance(payload, HttpResponse):
        return payload
    if not isinstance(payload, dict) or payload.get("type") != "block_actions":
        return _OTHER_APP
    actions = payload.get("actions")
    action = actions[0] if isinstance(actions, list) and len(actions) == 1 else None
    identity = text_of(action, "action_id")
    if not identity.startswith(ACTION_PREFIX):
        return _OTHER_APP
    return _interaction(payload, action, identity, response_url)


def _interaction(
    payload: Mapping[str, Any], action: Any, identity: str, response_url: str
) -> Interaction | HttpResponse:
    value = _value(action)
    name = identity.removeprefix(ACTION_PREFIX)
    subject = text_of(value, "signal" if name == Click.SIGNAL else "node")
    namespace, execution = text_of(value, "namespace"), text_of(value, "execution")
    at = _seconds(text_of(action, "action_ts"))
    user = text_of(payload, "user", "id")
    uid = text_of(value, "uid")
    known = name in {each.value for each in Click}
    named = is_object_name(namespace) and is_object_name(execution)
    if not (known and named and uid and subject and user and at):
        return HttpResponse(400, "the button's value is not one of slack-message")
    url = payload.get("response_url")
    answers = isinstance(url, str) and url.startswith(response_url) and len(url) < 1024
    return Interaction(
        click=Click(name),
        team=text_of(payload, "team", "id"),
        user=user,
        at=at,
        namespace=namespace,
        execution=execution,
        uid=uid,
        subject=subject,
        response_url=str(url) if answers else "",
    )


def _value(action: Any) -> Any:
    try:
        return orjson.loads(action.get("value") or "")
    except (orjson.JSONDecodeError, TypeError, AttributeError):
        return None


def _seconds(text: str) -> float:
    """A moment as Slack writes it, such as 1700000000.123456; 0 if it is not one."""
    whole, _, part = text.partition(".")
    if not (text.isascii() and whole.isdecimal() and (part or "0").isdecimal() and len(text) < 32):
        return 0.0
    return float(text)
