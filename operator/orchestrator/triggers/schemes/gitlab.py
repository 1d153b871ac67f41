"""GitLab: https://docs.gitlab.com/user/project/integrations/webhooks/."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.triggers.schemes.comparing import any_same
from orchestrator.triggers.schemes.scheme import Scheme, WithSecrets, secrets_of
from orchestrator.triggers.schemes.standard_webhooks import (
    PREFIX,
    SIGNATURE,
    sign_standard,
    verify_signature,
)
from orchestrator.triggers.sources import HttpRequest, Sending


class GitLab(WithSecrets):
    """Webhooks of GitLab, with a secret token or a signing token (`whsec_…`)."""


def _verify(_: GitLab, request: HttpRequest, secrets: Sequence[bytes]) -> str:
    if SIGNATURE in request.headers:
        return verify_signature(request, secrets)
    given = request.headers.get("x-gitlab-token", "")
    if not given:
        return "there is no header X-Gitlab-Token; set a secret token in the webhook on GitLab"
    return "" if any_same([given], secrets) else "X-Gitlab-Token does not match any secret"


def _identity(_: GitLab, request: HttpRequest, _body: Any) -> str:
    # The signature covers webhook-id, and only that.
    name = "webhook-id" if SIGNATURE in request.headers else "idempotency-key"
    return request.headers.get(name, "")


def _sign(_: GitLab, sending: Sending, secret: bytes) -> Mapping[str, str]:
    if secret.startswith(PREFIX):
        return sign_standard(sending, secret)
    return {"X-Gitlab-Token": secret.decode(), "Idempotency-Key": sending.id}


GITLAB = Scheme(
    key="gitlab",
    verifies="Sent with GitLab's secret token, or signed with its signing token; a delivery is "
    "known by Idempotency-Key or webhook-id.",
    settings=GitLab,
    header="X-Gitlab-Token",
    verify=_verify,
    sign=_sign,
    secrets=secrets_of,
    identity=_identity,
)
