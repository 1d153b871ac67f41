"""Rows of actions that notify people and write tickets and incidents in other services."""

from __future__ import annotations

from tests.faulty.row import Case, Parameters, Row, at, count, fixed, moved
from tests.faulty.world import World
from tests.planted import planted
from tests.smtpserver import PASSWORD, USER
from tests.vendors import jira, opsgenie, pagerduty, servicenow, slack, twilio


def _mail(world: World, case: Case) -> Parameters:
    return {
        "host": "localhost",
        "port": case.port,
        "username": USER,
        "caCertificate": world.mail.authority,
        "from": "ops@example.com",
        "to": ["ana@example.com"],
        "subject": case.name,
        "text": "x" * 500,
        "timeout": case.timeout,
    }


NOTIFY = (
    Row(
        "webhook-post",
        lambda world: at(world.echo.url),
        lambda _world, case: {
            "url": f"{case.url}/{case.name}",
            "payload": {"a": 1},
            "signing": "none",
            "timeout": case.timeout,
        },
        fixed({"token": planted("webhook-post")}),
    ),
    Row(
        "slack-message",
        lambda world: at(world.slack.url),
        lambda _world, case: {
            "apiUrl": f"{case.url}/api",
            "channel": "#ops",
            "text": case.name,
            "timeout": case.timeout,
        },
        fixed({"token": slack.TOKEN}),
    ),
    Row(
        "teams-message",
        lambda world: at(world.teams.url),
        lambda _world, case: {"text": case.name, "timeout": case.timeout},
        lambda world, case: {"webhookUrl": moved(world.teams.webhook, case)},
    ),
    Row(
        "discord-message",
        lambda world: at(world.discord.url),
        lambda _world, case: {"text": case.name, "timeout": case.timeout},
        lambda world, case: {"webhookUrl": moved(world.discord.webhook, case)},
    ),
    Row(
        "sms",
        lambda world: at(world.twilio.url),
        lambda _world, case: {
            "apiUrl": case.url,
            "accountSid": twilio.ACCOUNT,
            "to": "+15558675310",
            "from": twilio.NUMBER,
            "text": case.name,
            "timeout": case.timeout,
        },
        fixed({"token": twilio.TOKEN}),
    ),
    Row(
        "email",
        lambda world: ("127.0.0.1", world.mail.port),
        _mail,
        fixed({"password": PASSWORD}),
        ending=1,
    ),
    Row(
        "email",
        lambda world: ("127.0.0.1", world.mail.plain_port),
        lambda world, case: {**_mail(world, case), "security": "none", "username": ""},
        ending=1,
        variant="plain",
    ),
    Row(
        "pagerduty-event",
        lambda world: at(world.pagerduty.url),
        lambda _world, case: {"apiUrl": case.url, "summary": case.name, "timeout": case.timeout},
        fixed({"routingKey": pagerduty.ROUTING_KEY}),
        lambda world, case: len(
            {
                each["dedup_key"]
                for each in world.pagerduty.events
                if each.get("payload", {}).get("summary") == case.name
            }
        ),
    ),
    Row(
        "opsgenie-alert",
        lambda world: at(world.opsgenie.url),
        lambda _world, case: {"apiUrl": case.url, "message": case.name, "timeout": case.timeout},
        fixed({"apiKey": opsgenie.KEY}),
        lambda world, case: count(world.opsgenie.alerts.values(), case.name),
    ),
    Row(
        "jira-issue",
        lambda world: at(world.jira.url),
        lambda _world, case: {
            "url": case.url,
            "user": jira.USER,
            "project": "OPS",
            "summary": case.name,
            "timeout": case.timeout,
        },
        fixed({"token": jira.TOKEN}),
        lambda world, case: count(world.jira.issues.values(), case.name),
    ),
    Row(
        "servicenow-incident",
        lambda world: at(world.servicenow.url),
        lambda _world, case: {
            "url": case.url,
            "user": servicenow.USER,
            "summary": case.name,
            "timeout": case.timeout,
        },
        fixed({"token": servicenow.PASSWORD}),
        lambda world, case: count(world.servicenow.incidents.values(), case.name),
    ),
    Row(
        "incident-create",
        lambda world: at(world.pagerduty.url),
        lambda _world, case: {
            "backend": "pagerduty",
            "url": case.url,
            "user": pagerduty.USER,
            "title": case.name,
            "options": {"service": pagerduty.SERVICE},
            "timeout": case.timeout,
        },
        fixed({"token": pagerduty.TOKEN}),
        lambda world, case: count(world.pagerduty.incidents.values(), case.name),
        variant="pagerduty",
    ),
    Row(
        "incident-create",
        lambda world: at(world.servicenow.url),
        lambda _world, case: {
            "backend": "servicenow",
            "url": case.url,
            "user": servicenow.USER,
            "title": case.name,
            "timeout": case.timeout,
        },
        fixed({"token": servicenow.PASSWORD}),
        lambda world, case: count(world.servicenow.incidents.values(), case.name),
        variant="servicenow",
    ),
    Row(
        "incident-create",
        lambda world: at(world.jira.url),
        lambda _world, case: {
            "backend": "jsm",
            "url": case.url,
            "user": jira.USER,
            "title": case.name,
            "options": {"serviceDesk": "10", "requestType": "25"},
            "timeout": case.timeout,
        },
        fixed({"token": jira.TOKEN}),
        lambda world, case: count(world.jira.issues.values(), case.name),
        variant="jsm",
    ),
)
