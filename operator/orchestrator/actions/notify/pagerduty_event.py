"""pagerduty-event: trigger, acknowledge or resolve an alert in PagerDuty."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, SecretStr, model_validator

from orchestrator.actions.action import Action, Context, Outputs
from orchestrator.actions.references import reference, signature
from orchestrator.actions.rest import Url, api, message_of
from orchestrator.actions.sending import WithTimeout, classify


class EventAction(StrEnum):
    TRIGGER = "trigger"
    ACKNOWLEDGE = "acknowledge"
    RESOLVE = "resolve"


class EventSeverity(StrEnum):
    CRITICAL = "critical"
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class PagerdutyEvent(WithTimeout):
    """Parameters of pagerduty-event."""

    routing_key: SecretStr
    """Integration key of a service or of event orchestration, for Events API v2."""
    action: EventAction = EventAction.TRIGGER
    """What the event does."""
    dedup_key: Annotated[str, Field(max_length=255)] = ""
    """Key of the alert; one per execution and node if empty. To acknowledge or resolve an alert,
    give the output dedupKey of the action that triggered it."""
    summary: Annotated[str, Field(max_length=1024)] = ""
    """The problem, in one line; trigger needs one."""
    source: Annotated[str, Field(max_length=255)] = ""
    """Where the problem is, such as a host; the workflow if empty."""
    severity: EventSeverity = EventSeverity.ERROR
    """Severity."""
    component: Annotated[str, Field(max_length=255)] = ""
    """Part that is affected."""
    group: Annotated[str, Field(max_length=255)] = ""
    """Group of parts that is affected."""
    class_: Annotated[str, Field(alias="class", max_length=255)] = ""
    """Kind of the problem."""
    details: dict[str, Any] = {}
    """Further details."""
    links: Annotated[list[dict[str, str]], Field(max_length=32)] = []
    """Related pages: objects with href and text."""
    api_url: Url = "https://events.pagerduty.com"
    """URL of the Events API; https://events.eu.pagerduty.com for accounts in Europe."""

    @model_validator(mode="after")
    def _complete(self) -> PagerdutyEvent:
        if self.action is EventAction.TRIGGER and not self.summary:
            raise ValueError("trigger needs a summary")
        if self.action is not EventAction.TRIGGER and not self.dedup_key:
            raise ValueError(f"{self.action} needs the dedupKey of the alert")
        return self


class Accepted(Outputs):
    """Outputs of pagerduty-event."""

    dedup_key: str
    """Key of the alert."""


def pagerduty_event(parameters: PagerdutyEvent, context: Context) -> Accepted:
    """Triggers, acknowledges or resolves an alert in PagerDuty, by Events API v2."""
    event: dict[str, Any] = {
        "routing_key": parameters.routing_key.get_secret_value(),
        "event_action": parameters.action.value,
        "dedup_key": parameters.dedup_key or reference(context),
    }
    if parameters.action is EventAction.TRIGGER:
        payload = {
            "summary": parameters.summary,
            "source": parameters.source or signature(context)[:255],
            "severity": parameters.severity.value,
            "component": parameters.component,
            "group": parameters.group,
            "class": parameters.class_,
            "custom_details": parameters.details,
        }
        event["payload"] = {name: value for name, value in payload.items() if value}
        event["links"] = parameters.links
    with api(
        "PagerDuty", parameters.api_url, parameters, context, reason=message_of("errors", "message")
    ) as events:
        key = str(events.field("dedup_key", "POST", "/v2/enqueue", json=event))
    context.log(f"PagerDuty accepted the event {parameters.action} of alert {key}")
    return Accepted(dedup_key=key)


ACTION = Action(
    name="pagerduty-event",
    title="Send an event to PagerDuty",
    category="notify",
    icon="bell",
    parameters=PagerdutyEvent,
    outputs=Accepted,
    run=pagerduty_event,
    retries=(
        "Retried: no connection, no response in time, rate limits longer than the timeout, 5xx. "
        "Not retried: an event or key that PagerDuty refuses. Every attempt sends the same "
        "dedupKey, so that PagerDuty adds repeated events to the alert that exists."
    ),
    classify=classify,
    example="""
        variables:
        - {name: key, type: secret, secretKeyRef: {name: pagerduty, key: routing-key}}
        nodes:
        - name: page
          action: pagerduty-event
          with:
            routingKey: "$[[ vars.key ]]"
            summary: The web shop is down
            severity: critical
            links: [{href: "https://runbooks.example.com/shop", text: Runbook}]
        - name: resolve
          action: pagerduty-event
          with:
            routingKey: "$[[ vars.key ]]"
            action: resolve
            dedupKey: "$[[ nodes.page.outputs.dedupKey ]]"
        edges:
        - {from: page, to: resolve}
    """,
)
