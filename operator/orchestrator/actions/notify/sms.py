"""sms: send a text message through Twilio."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field, SecretStr, model_validator

from orchestrator.actions.action import Action, Context, Outputs
from orchestrator.actions.rest import Url, api, basic, body_of
from orchestrator.actions.sending import WithTimeout, classify

if TYPE_CHECKING:
    import requests

MAX_TEXT = 1600
"""Maximum length of a text: https://www.twilio.com/docs/messaging/api/message-resource."""


class Sms(WithTimeout):
    """Parameters of sms."""

    to: Annotated[str, Field(pattern=r"^\+[1-9][0-9]{6,14}$")]
    """Number of the recipient in E.164 form, such as +15558675310."""
    text: Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]
    """Text, at most 1600 characters."""
    account_sid: Annotated[str, Field(pattern=r"^AC[0-9a-f]{32}$")]
    """SID of the Twilio account."""
    token: SecretStr
    """Auth token of the account, or the secret of apiKey."""
    api_key: Annotated[str, Field(pattern=r"^(SK[0-9a-f]{32})?$")] = ""
    """SID of an API key, to use instead of the account's auth token."""
    from_: Annotated[
        str, Field(alias="from", pattern=r"^(\+[1-9][0-9]{6,14}|[0-9]{3,8}|[A-Za-z0-9 ]{1,11})?$")
    ] = ""
    """Number, short code or alphanumeric id of the sender; give either this or messagingService."""
    messaging_service: Annotated[str, Field(pattern=r"^(MG[0-9a-f]{32})?$")] = ""
    """SID of a messaging service, which chooses the sender."""
    api_url: Url = "https://api.twilio.com"
    """URL of Twilio's API."""

    @model_validator(mode="after")
    def _sender(self) -> Sms:
        if bool(self.from_) == bool(self.messaging_service):
            raise ValueError("give either from or messagingService")
        return self


class SmsSent(Outputs):
    """Outputs of sms."""

    sid: str
    """SID of the message, by which Twilio reports its delivery."""
    status: str
    """Status of the message, such as queued or accepted."""


def sms(parameters: Sms, context: Context) -> SmsSent:
    """Sends a text message to a phone, through Twilio."""
    sender = (
        {"From": parameters.from_}
        if parameters.from_
        else {"MessagingServiceSid": parameters.messaging_service}
    )
    form = {"To": parameters.to, "Body": parameters.text, **sender}
    headers = basic(parameters.api_key or parameters.account_sid, parameters.token)
    path = f"/2010-04-01/Accounts/{parameters.account_sid}/Messages.json"
    with api(
        "Twilio", parameters.api_url, parameters, context, headers=headers, reason=_reason
    ) as twilio:
        message = twilio.json("POST", path, data=form)
    context.log(f"Twilio accepted the message {message['sid']}: {message['status']}")
    return SmsSent(sid=message["sid"], status=message["status"])


def _reason(response: requests.Response) -> str:
    """Twilio's message and the code of its documentation."""
    body = body_of(response)
    if not isinstance(body, dict) or "message" not in body:
        return ""
    return f"{body['message']} (error {body.get('code')})"


ACTION = Action(
    name="sms",
    title="Send a text message",
    category="notify",
    icon="phone",
    parameters=Sms,
    outputs=SmsSent,
    run=sms,
    retries=(
        "Retried: no connection, no response in time, rate limits longer than the timeout, 5xx. "
        "Not retried: a number, sender or token that Twilio refuses. Twilio has no idempotency "
        "key: after a lost response, a retry sends the message again. The action ends when "
        "Twilio has accepted the message, not when it is delivered."
    ),
    classify=classify,
    example="""
        variables:
        - {name: token, type: secret, secretKeyRef: {name: twilio, key: auth-token}}
        - {name: phone, type: string, default: "+15558675310"}
        nodes:
        - name: page
          action: sms
          with:
            to: "$[[ vars.phone ]]"
            from: "+15017122661"
            text: The web shop is down
            accountSid: AC0123456789abcdef0123456789abcdef
            token: "$[[ vars.token ]]"
    """,
)
