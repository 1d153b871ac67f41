"""A user name and a password in the Authorization header (RFC 7617)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import Field

from orchestrator.models.base import USERNAME_PATTERN
from orchestrator.triggers.schemes.bearer import token_of
from orchestrator.triggers.schemes.comparing import any_same
from orchestrator.triggers.schemes.scheme import Scheme, WithSecrets, secrets_of
from orchestrator.triggers.sources import HttpRequest, Sending


class Basic(WithSecrets):
    """A user name and a password; the secrets are passwords."""

    username: Annotated[str, Field(pattern=USERNAME_PATTERN, min_length=1, max_length=128)]
    """The user name."""


def _verify(settings: Basic, request: HttpRequest, secrets: Sequence[bytes]) -> str:
    try:
        given = base64.b64decode(token_of(request, "basic"), validate=True)
    except (binascii.Error, ValueError):
        given = b""
    if not given:
        return "there is no header `Authorization: Basic CREDENTIALS`"
    user = settings.username.encode()
    expected = [user + b":" + secret for secret in secrets if secret]
    text = given.decode("utf-8", "surrogateescape")
    return "" if any_same([text], expected) else "the user name or the password is wrong"


def _sign(settings: Basic, _: Sending, secret: bytes) -> Mapping[str, str]:
    credentials = base64.b64encode(settings.username.encode() + b":" + secret).decode()
    return {"Authorization": f"Basic {credentials}"}


BASIC = Scheme(
    key="basic",
    verifies="Sent with a user name and a password.",
    settings=Basic,
    header="Authorization",
    verify=_verify,
    sign=_sign,
    secrets=secrets_of,
)
