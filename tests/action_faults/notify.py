"""Rows of actions that notify people and write tickets and incidents in other services."""

from __future__ import annotations

from tests.action_faults.row import Case, Parameters, Row, at, count, fixed, moved
from tests.action_faults.servers import Servers
from tests.planted import planted
from tests.smtpserver import PASSWORD, USER
from tests.vendors import jira, opsgenie, pagerduty, servicenow, slack, twilio


def _mail(servers: Servers, case: Case) -> Parameters:
    return {
        "host": "localhost",
        "port": case.port,
        "username": USER,
        "caCertificate": servers.mail.authority,
        "from": "ops@example.com",
        "to": ["ana@example.com"],
        "subject": case.name,
        "text": "x" * 500,
        "timeout": case.timeout,
    }


NOTIFY = (
    Row(
        "webhook-post",
        lambda servers: at(servers.echo.url),
        lambda _servers, case: {
            "url": f"{case.url}/{case.name}",
            "payload": {"a": 1},
            "signing": "none",
            "timeout": case.timeout,
        },
        fixed({"token": planted("webhook-post")}),
    ),
    Row(
        "slack-message",
        lambda servers: at(servers.slack.url),
        lambda _servers, case: {
            "apiUrl": f"{case.url}/api",
            "channel": "#ops",
            "text": case.name,
            "timeout": case.timeout,
        },
        fixed({"token": slack.TOKEN}),
    ),
    Row(
        "teams-message",
        lambda servers: at(servers.teams.url),
        lambda _servers, case: {"text": case.name, "timeout": case.timeout},
        lambda servers, case: {"webhookUrl": moved(servers.teams.webhook, case)},
    ),
    Row(
        "discord-message",
        lambda servers: at(servers.discord.url),
        lambda _servers, case: {"text": case.name, "timeout": case.timeout},
        lambda servers, case: {"webhookUrl": moved(servers.discord.webhook, case)},
    ),
    Row(
        "sms",
        lambda servers: at(servers.twilio.url),
        lambda _servers, case: {
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
        lambda servers: ("127.0.0.1", servers.mail.port),
        _mail,
        fixed({"password": PASSWORD}),
        ending=1,
    ),
    Row(
        "email",
        lambda servers: ("127.0.0.1", servers.mail.plain_port),
        lambda servers, case: {**_mail(servers, case), "security": "none", "username": ""},
        ending=1,
        variant="plain",
    ),
    Row(
        "pagerduty-event",
        lambda servers: at(servers.pagerduty.url),
        lambda _servers, case: {"apiUrl": case.url, "summary": case.name, "timeout": case.timeout},
        fixed({"routingKey": pagerduty.ROUTING_KEY}),
        lambda servers, case: len(
            {
                each["dedup_key"]
                for each in servers.pagerduty.events
                if each.get("payload", {}).get("summary") == case.name
            }
        ),
    ),
    Row(
        "opsgenie-alert",
        lambda servers: at(servers.opsgenie.url),
        lambda _servers, case: {"apiUrl": case.url, "message": case.name, "timeout": case.timeout},
        fixed({"apiKey": opsgenie.KEY}),
        lambda servers, case: count(servers.opsgenie.alerts.values(), case.name),
    ),
    Row(
        "jira-issue",
        lambda servers: at(servers.jira.url),
        lambda _servers, case: {
            "url": case.url,
            "user": jira.USER,
            "project": "OPS",
            "summary": case.name,
            "timeout": case.timeout,
        },
        fixed({"token": jira.TOKEN}),
        lambda servers, case: count(servers.jira.issues.values(), case.name),
    ),
    Row(
        "servicenow-incident",
        lambda servers: at(servers.servicenow.url),
        lambda _servers, case: {
            "url": case.url,
            "user": servicenow.USER,
            "summary": case.name,
            "timeout": case.timeout,
        },
        fixed({"token": servicenow.PASSWORD}),
        lambda servers, case: count(servers.servicenow.incidents.values(), case.name),
    ),
    Row(
        "incident-create",
        lambda servers: at(servers.pagerduty.url),
        lambda _servers, case: {
            "backend": "pagerduty",
            "url": case.url,
            "user": pagerduty.USER,
            "title": case.name,
            "options": {"service": pagerduty.SERVICE},
            "timeout": case.timeout,
        },
        fixed({"token": pagerduty.TOKEN}),
        lambda servers, case: count(servers.pagerduty.incidents.values(), case.name),
        variant="pagerduty",
    ),
    Row(
        "incident-create",
        lambda servers: at(servers.servicenow.url),
        lambda _servers, case: {
            "backend": "servicenow",
            "url": case.url,
            "user": servicenow.USER,
            "title": case.name,
            "timeout": case.timeout,
        },
        fixed({"token": servicenow.PASSWORD}),
        lambda servers, case: count(servers.servicenow.incidents.values(), case.name),
        variant="servicenow",
    ),
    Row(
        "incident-create",
        lambda servers: at(servers.jira.url),
        lambda _servers, case: {
            "backend": "jsm",
            "url": case.url,
            "user": jira.USER,
            "title": case.name,
            "options": {"serviceDesk": "10", "requestType": "25"},
            "timeout": case.timeout,
        },
        fixed({"token": jira.TOKEN}),
        lambda servers, case: count(servers.jira.issues.values(), case.name),
        variant="jsm",
    ),
)
