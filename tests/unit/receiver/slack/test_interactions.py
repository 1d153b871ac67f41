"""What a person reads in Slack after a click, and what Slack gets."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from orchestrator.kube.client import ApiClient, ApiError
from orchestrator.operations.decide import Person
from orchestrator.receiver.slack.interactions import SlackFiles, SlackInteractions
from orchestrator.triggers.sources import HttpRequest

NOW = 1_700_000_000.0
SECRET = b"signing"


class Refusing(ApiClient):
    """The API server refuses every read in this way."""

    def __init__(self, error: ApiError) -> None:
        self._error = error

    async def get(self, *_: Any, **__: Any) -> Any:
        raise self._error

    async def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
async def replies() -> AsyncIterator[tuple[str, list[dict[str, Any]]]]:
    """Where Slack takes replies, and those that it took."""
    taken: list[dict[str, Any]] = []

    async def take(request: web.Request) -> web.Response:
        taken.append(await request.json())
        return web.Response()

    app = web.Application()
    app.router.add_post("/actions", take)
    async with TestServer(app) as server:
        yield str(server.make_url("/actions")), taken


def files_in(folder: Path, people: str = "U1: {user: ana}") -> SlackFiles:
    secret, file = folder / "secret", folder / "people.yaml"
    secret.write_bytes(SECRET)
    file.write_text(people)
    return SlackFiles(secret, file)


def click(url: str, user: str = "U1") -> HttpRequest:
    value = {"namespace": "shop", "execution": "restart-1", "uid": "u1", "node": "ask"}
    action = {
        "action_id": "automation/approve",
        "action_ts": str(NOW),
        "value": json.dumps(value),
    }
    payload = {"type": "block_actions", "user": {"id": user}, "actions": [action]}
    body = urlencode({"payload": json.dumps({**payload, "response_url": url})}).encode()
    signature = hmac.new(SECRET, b"v0:1700000000:" + body, hashlib.sha256).hexdigest()
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "x-slack-request-timestamp": "1700000000",
        "x-slack-signature": f"v0={signature}",
    }
    return HttpRequest("POST", headers, {}, body, NOW)


async def said(slack: SlackInteractions, request: HttpRequest, taken: list[Any]) -> str:
    """What the person reads; Slack itself gets an empty 200."""
    answer = await slack.answer(request)
    assert (answer.status, answer.message) == (200, "")
    await slack.close()
    (reply,) = taken
    assert (reply["response_type"], reply["replace_original"]) == ("ephemeral", False)
    text: str = reply["text"]
    return text


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            ApiError(404, "NotFound", "no"),
            "there is no execution restart-1 in shop that you can see",
        ),
        (ApiError(403, "Forbidden", 'cannot impersonate resource "users"'), "may not act for ana"),
        (ApiError(403, "Forbidden", "ana cannot get it"), "ana cannot get it"),
        (ApiError(503, "Unavailable", "later"), "the API server does not answer; try again"),
    ],
)
async def test_why_a_click_does_not_count_is_said_to_the_person(
    tmp_path: Path, replies: tuple[str, list[Any]], error: ApiError, words: str
) -> None:
    url, taken = replies
    slack = SlackInteractions(files_in(tmp_path), lambda _: Refusing(error), url)
    assert words in await said(slack, click(url), taken)


async def test_an_unknown_user_and_an_unusable_file_act_for_nobody(
    tmp_path: Path, replies: tuple[str, list[Any]]
) -> None:
    def nobody(person: Person) -> ApiClient:
        raise AssertionError(f"acts for {person.name}")

    url, taken = replies
    slack = SlackInteractions(files_in(tmp_path), nobody, url)
    words = "no Kubernetes user is known for your Slack user U2"
    assert await said(slack, click(url, "U2"), taken) == words
    taken.clear()
    files = files_in(tmp_path, "U1: {user: 'system:admin'}")
    assert "does not know its users" in await said(
        SlackInteractions(files, nobody, url), click(url), taken
    )


async def test_a_reply_that_cannot_be_sent_changes_nothing(tmp_path: Path) -> None:
    url = "http://127.0.0.1:1/"
    error = ApiError(404, "NotFound", "no")
    slack = SlackInteractions(files_in(tmp_path), lambda _: Refusing(error), url)
    assert (await slack.answer(click(url))).status == 200
    await asyncio.wait_for(slack.close(), 10)


async def test_without_a_signing_secret_everything_is_refused(tmp_path: Path) -> None:
    files = files_in(tmp_path)
    for content in (b"", b"\n", None):
        if content is None:
            files.signing_secret.unlink()
        else:
            files.signing_secret.write_bytes(content)
        slack = SlackInteractions(files, lambda _: Refusing(ApiError(404, "", "")))
        assert (await slack.answer(click("https://hooks.slack.com/x"))).status == 401
