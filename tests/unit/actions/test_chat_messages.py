"""teams-message and discord-message against strict stubs, whose URLs are secrets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from orchestrator.actions.action import FAILED, PERMANENT, Context
from orchestrator.actions.registry import load
from tests.examples import example
from tests.unit.actions.in_process import failure, perform
from tests.vendors.discord import THREAD, TOKEN, Discord
from tests.vendors.stub import Fault
from tests.vendors.teams import FLOW, SIGNATURE, Teams

PROVES = {
    "strict stub of Microsoft Teams": ["teams-message"],
    "strict stub of Discord": ["discord-message"],
}

ACTIONS: dict[str, type[Teams] | type[Discord]] = {
    "teams-message": Teams,
    "discord-message": Discord,
}


@pytest.fixture
def teams() -> Iterator[Teams]:
    with Teams() as stub:
        yield stub


@pytest.fixture
def discord() -> Iterator[Discord]:
    with Discord() as stub:
        yield stub


def test_a_card_is_posted_to_teams(teams: Teams, context: Context, log: list[str]) -> None:
    outputs = perform(
        "teams-message", context, webhookUrl=teams.webhook, title="shop is down", text="**503**",
        color="attention", facts={"Severity": "High"},
        links=[{"title": "Runbook", "url": "https://runbooks.example.com"}],
    )  # fmt: skip
    assert outputs == {"status": 202}
    (card,) = teams.cards
    assert [part["type"] for part in card["body"]] == ["TextBlock", "TextBlock", "FactSet"]
    assert card["body"][0]["color"] == "attention"
    assert card["body"][2]["facts"] == [{"title": "Severity", "value": "High"}]
    assert card["actions"][0]["url"] == "https://runbooks.example.com"
    assert SIGNATURE not in "".join(log)


def test_a_card_of_ones_own_is_posted_to_teams(teams: Teams, context: Context) -> None:
    card = {"type": "AdaptiveCard", "version": "1.4", "body": []}
    perform("teams-message", context, webhookUrl=teams.webhook, card=card)
    assert teams.cards == [card]
    text = "x" * 20000
    error = failure(
        "teams-message", context, webhookUrl=teams.webhook, text=text, facts={"x": text}
    )
    assert ("more than the 28672 of Teams" in str(error), error.exit_code) == (True, PERMANENT)


def test_a_message_is_posted_to_discord(discord: Discord, context: Context, log: list[str]) -> None:
    own = {"text": "@everyone **down**", "username": "ops", "threadId": THREAD}
    outputs = perform("discord-message", context, webhookUrl=discord.webhook, **own)
    assert outputs == {"id": "1", "channelId": "7"}
    silent: dict[str, Any] = {"allowed_mentions": {"parse": []}}
    assert discord.messages == [{"content": own["text"], "username": "ops", **silent}]
    perform("discord-message", context, webhookUrl=discord.webhook, text="x", mentions=True)
    assert discord.messages[1] == {"content": "x"}
    assert TOKEN not in "".join(log)


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("secret", [FLOW, SIGNATURE, TOKEN])
def test_a_wrong_webhook_is_permanent_and_in_no_message(
    context: Context, action: str, secret: str
) -> None:
    with ACTIONS[action]() as stub:
        url = stub.webhook.replace(secret, "wr0ngwr0ng")
        if url == stub.webhook:
            return
        error = failure(action, context, webhookUrl=url, text="x")
        assert error.exit_code == PERMANENT
        assert stub.url not in str(error)
        assert not {"wr0ngwr0ng", "sig=", "webhooks", "workflows"} & set(str(error).split("/"))


@pytest.mark.parametrize("action", ACTIONS)
def test_limits_are_waited_for_and_failures_are_worth_a_retry(
    context: Context, clock: Any, log: list[str], action: str
) -> None:
    with ACTIONS[action]() as stub:
        stub.fail(Fault(429, {"Retry-After": "2"}))
        perform(action, context, webhookUrl=stub.webhook, text="x")
        assert clock.seconds == 2
        stub.fail(Fault(502))
        error = failure(action, context, webhookUrl=stub.webhook, text="x")
        assert (error.exit_code, "502" in str(error)) == (FAILED, True)
        stub.fail(Fault(302, {"Location": stub.webhook}))
        error = failure(action, context, webhookUrl=stub.webhook, text="x")
        assert error.exit_code == PERMANENT
        assert stub.url not in f"{error} {log}"


def test_what_cannot_be_reached_is_named_without_its_path(context: Context) -> None:
    for action in ACTIONS:
        url = "http://127.0.0.1:1/api/webhooks/1/s3cret?sig=s3cret"
        error = failure(action, context, webhookUrl=url, text="x")
        assert ("127.0.0.1:1" in str(error), "s3cret" in str(error)) == (True, False)


@pytest.mark.parametrize(
    ("action", "parameters", "words"),
    [
        ("teams-message", {}, "either card"),
        ("teams-message", {"text": "x", "card": {"type": "AdaptiveCard"}}, "either card"),
        ("teams-message", {"card": {"type": "MessageCard"}}, "card.type must be AdaptiveCard"),
        ("teams-message", {"text": "x", "links": [{"url": "x"}]}, "links.0 needs title and url"),
        ("teams-message", {"text": "x", "color": "red"}, "color"),
        ("discord-message", {}, "give text or embeds"),
        ("discord-message", {"text": "x" * 2001}, "text"),
        ("discord-message", {"text": "x", "threadId": "a"}, "threadId"),
    ],
)
def test_wrong_parameters_are_refused(action: str, parameters: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        load(action).parameters.model_validate({"webhookUrl": "https://x", **parameters})


@pytest.mark.parametrize("action", ACTIONS)
def test_the_example_runs(context: Context, action: str) -> None:
    with ACTIONS[action]() as stub:
        (parameters,) = example(action, {"webhook": stub.webhook})
        assert perform(action, context, **parameters)
