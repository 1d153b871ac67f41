"""webhook-post: post JSON to a webhook, signed."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, SecretStr, model_validator

from orchestrator.actions.action import Action, ActionError, Context, Outputs
from orchestrator.actions.references import reference
from orchestrator.actions.rest import OnServer, Url, api, bearer, message_of
from orchestrator.actions.sending import classify
from orchestrator.models.base import HEADER_PATTERN

MAX_PAYLOAD = 256 * 1024
"""Maximum size of a payload in bytes."""


class Signing(StrEnum):
    """How a request is signed."""

    STANDARD_WEBHOOKS = "standardWebhooks"
    HMAC = "hmac"
    NONE = "none"


class WebhookPost(OnServer):
    """Parameters of webhook-post."""

    url: Url
    """URL of the webhook."""
    payload: dict[str, Any]
    """The JSON object to post."""
    signing: Signing = Signing.STANDARD_WEBHOOKS
    """How it is signed: by the Standard Webhooks specification, by an HMAC of the body in a header,
    or not."""
    secret: SecretStr | None = None
    """Secret of the signature; for standardWebhooks whsec_ and base64."""
    signature_header: Annotated[str, Field(pattern=HEADER_PATTERN, max_length=128)] = (
        "X-Signature-256"
    )
    """Header of the HMAC-SHA256 in hexadecimal digits, with signing hmac."""
    signature_prefix: Annotated[str, Field(pattern=r"^[\x21-\x7e]*$", max_length=32)] = "sha256="
    """Text before the digits."""
    token: SecretStr | None = None
    """Sent as a bearer token."""

    @model_validator(mode="after")
    def _complete(self) -> WebhookPost:
        if (self.signing is Signing.NONE) == bool(self.secret):
            raise ValueError("give a secret, or signing none without a secret")
        return self


class Delivered(Outputs):
    """Outputs of webhook-post."""

    id: str
    """Id of the delivery, the same in every attempt."""
    status: int
    """HTTP status of the response."""


def webhook_post(parameters: WebhookPost, context: Context) -> Delivered:
    """Posts JSON to a webhook, signed by Standard Webhooks or an HMAC."""
    body = json.dumps(parameters.payload, ensure_ascii=False, separators=(",", ":")).encode()
    if len(body) > MAX_PAYLOAD:
        raise ActionError(
            f"payload is {len(body)} bytes of JSON, more than the {MAX_PAYLOAD} allowed",
            permanent=True,
        )
    id_ = f"msg_{reference(context)}"
    headers = {
        "Content-Type": "application/json",
        "Idempotency-Key": id_,
        **bearer(parameters.token),
        **_signed(parameters, body, id_, context),
    }
    reason = message_of("message", "error", "detail")
    with api("the webhook", parameters.url, parameters, context, reason=reason) as webhook:
        status = webhook.call("POST", "", data=body, headers=headers, stream=True).status_code
    context.log(f"delivered {len(body)} bytes as {id_}: {status}")
    return Delivered(id=id_, status=status)


def _signed(parameters: WebhookPost, body: bytes, id_: str, context: Context) -> dict[str, str]:
    """The headers of the signature. The receiver's schemes sign: what they verify, they sign."""
    from orchestrator.triggers.schemes.hmac_signature import HMAC, Hmac
    from orchestrator.triggers.schemes.standard_webhooks import sign_standard
    from orchestrator.triggers.sources import Sending

    if not parameters.secret:
        return {}
    secret = parameters.secret.get_secret_value().strip().encode()
    sending = Sending(body, id_, context.clock.now().timestamp())
    if parameters.signing is Signing.STANDARD_WEBHOOKS:
        try:
            return dict(sign_standard(sending, secret))
        except ValueError:
            message = "secret does not have the form of Standard Webhooks: whsec_ and base64"
            raise ActionError(message, permanent=True) from None
    settings = Hmac.model_validate(
        {
            "header": parameters.signature_header,
            "prefix": parameters.signature_prefix,
            "idHeader": "Webhook-Id",
            "secrets": [{"name": "webhook", "key": "secret"}],
        }
    )
    return dict(HMAC.sign(settings, sending, secret))


ACTION = Action(
    name="webhook-post",
    title="Post to a webhook",
    category="notify",
    icon="send",
    parameters=WebhookPost,
    outputs=Delivered,
    run=webhook_post,
    retries=(
        "Retried: no connection, no response in time, rate limits longer than the timeout, 408, "
        "425, 429 and 5xx. Not retried: other statuses. Every attempt has the same id, in "
        "Idempotency-Key and in Webhook-Id where it is signed, by which a receiver recognises a "
        "repeated delivery."
    ),
    classify=classify,
    example="""
        variables:
        - {name: secret, type: secret, secretKeyRef: {name: partner-webhook, key: secret}}
        nodes:
        - name: notify
          action: webhook-post
          with:
            url: https://partner.example.com/hooks/deployments
            payload: {type: deployment.finished, data: {service: shop, version: "1.4"}}
            secret: "$[[ vars.secret ]]"
    """,
)
