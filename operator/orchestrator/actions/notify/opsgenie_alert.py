"""opsgenie-alert: open, acknowledge or close an alert in Opsgenie."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field, SecretStr, model_validator

from orchestrator.actions.action import Action, Context, Outputs
from orchestrator.actions.references import reference, signature
from orchestrator.actions.rest import Url, api, message_of, segment
from orchestrator.actions.sending import WithTimeout, classify


class AlertAction(StrEnum):
    CREATE = "create"
    ACKNOWLEDGE = "acknowledge"
    CLOSE = "close"


class Priority(StrEnum):
    P1 = "P1"
    P2 = "P2"
    P3 = "P3"
    P4 = "P4"
    P5 = "P5"


class OpsgenieAlert(WithTimeout):
    """Parameters of opsgenie-alert."""

    api_key: SecretStr
    """Key of an API integration."""
    action: AlertAction = AlertAction.CREATE
    """What to do with the alert."""
    alias: Annotated[str, Field(max_length=512)] = ""
    """Alias of the alert; one per execution and node if empty. To acknowledge or close an alert,
    give the output alias of the action that created it."""
    message: Annotated[str, Field(max_length=130)] = ""
    """The problem, in one line; create needs one."""
    description: Annotated[str, Field(max_length=15000)] = ""
    """Description of the problem."""
    priority: Priority = Priority.P3
    """Priority, from P1 (critical) to P5."""
    responders: Annotated[list[dict[str, str]], Field(max_length=50)] = []
    """Those to notify: objects with type (team, user, escalation or schedule) and name, or username
    for a user."""
    tags: Annotated[list[str], Field(max_length=20)] = []
    """Tags."""
    details: dict[str, str] = {}
    """Further details."""
    note: Annotated[str, Field(max_length=25000)] = ""
    """Note to add to the alert."""
    api_url: Url = "https://api.opsgenie.com"
    """URL of the API: https://api.eu.opsgenie.com for accounts in Europe,
    https://api.atlassian.com/jsm/ops/integration for Jira Service Management."""

    @model_validator(mode="after")
    def _complete(self) -> OpsgenieAlert:
        if self.action is AlertAction.CREATE and not self.message:
            raise ValueError("create needs a message")
        if self.action is not AlertAction.CREATE and not self.alias:
            raise ValueError(f"{self.action} needs the alias of the alert")
        return self


class Requested(Outputs):
    """Outputs of opsgenie-alert."""

    alias: str
    """Alias of the alert."""
    request_id: str
    """Id of the request, which Opsgenie processes later."""


def opsgenie_alert(parameters: OpsgenieAlert, context: Context) -> Requested:
    """Creates, acknowledges or closes an alert in Opsgenie, or in Jira Service Management."""
    alias = parameters.alias or reference(context)
    source = signature(context)[:100]
    body: dict[str, object] = {"source": source, "note": parameters.note}
    path, query = "/v2/alerts", {}
    if parameters.action is AlertAction.CREATE:
        body |= {
            "message": parameters.message,
            "alias": alias,
            "description": parameters.description,
            "priority": parameters.priority.value,
            "responders": parameters.responders,
            "tags": parameters.tags,
            "details": parameters.details,
        }
    else:
        path = f"{path}/{segment(alias)}/{parameters.action}"
        query = {"identifierType": "alias"}
    headers = {"Authorization": f"GenieKey {parameters.api_key.get_secret_value()}"}
    reason = message_of("errors", "message")
    sent = {name: value for name, value in body.items() if value}
    with api(
        "Opsgenie", parameters.api_url, parameters, context, headers=headers, reason=reason
    ) as alerts:
        request = str(alerts.field("requestId", "POST", path, params=query, json=sent))
    context.log(f"Opsgenie accepted the request to {parameters.action} alert {alias}")
    return Requested(alias=alias, request_id=request)


ACTION = Action(
    name="opsgenie-alert",
    title="Send an alert to Opsgenie",
    category="notify",
    icon="bell",
    parameters=OpsgenieAlert,
    outputs=Requested,
    run=opsgenie_alert,
    retries=(
        "Retried: no connection, no response in time, rate limits longer than the timeout, 5xx. "
        "Not retried: an alert or key that Opsgenie refuses. Every attempt sends the same alias, "
        "by which Opsgenie counts a repeated alert instead of opening another. Opsgenie ends "
        "on 2027-04-05; Jira Service Management takes the same requests."
    ),
    classify=classify,
    example="""
        variables:
        - {name: key, type: secret, secretKeyRef: {name: opsgenie, key: api-key}}
        nodes:
        - name: page
          action: opsgenie-alert
          with:
            apiKey: "$[[ vars.key ]]"
            message: The web shop is down
            priority: P1
            responders: [{type: team, name: sre}]
        - name: close
          action: opsgenie-alert
          with:
            apiKey: "$[[ vars.key ]]"
            action: close
            alias: "$[[ nodes.page.outputs.alias ]]"
        edges:
        - {from: page, to: close}
    """,
)
