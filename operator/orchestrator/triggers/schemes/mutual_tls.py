"""A client certificate that the receiver's authority has signed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import Field

from orchestrator.models.base import Model
from orchestrator.triggers.schemes.scheme import Scheme
from orchestrator.triggers.sources import HttpRequest, Sending

Subject = Annotated[str, Field(min_length=1, max_length=256)]


class MutualTls(Model):
    """A client certificate of one of these subjects. The receiver needs `--client-ca`."""

    subjects: Annotated[list[Subject], Field(min_length=1, max_length=16)]
    """Names that are accepted: the certificate's common name or one of its alternative names (DNS
    name, URI or email address)."""


def _verify(settings: MutualTls, request: HttpRequest, _: Sequence[bytes]) -> str:
    if not request.certificate:
        return "there is no verified client certificate"
    if set(request.certificate).isdisjoint(settings.subjects):
        names = ", ".join(request.certificate)[:200]
        return f"the client certificate of {names} is not one of the subjects"
    return ""


def _sign(_: MutualTls, _sending: Sending, _secret: bytes) -> Mapping[str, str]:
    return {}  # the certificate is part of the connection


MUTUAL_TLS = Scheme(
    key="mutualTLS",
    verifies="Sent with a client certificate of one of these subjects.",
    settings=MutualTls,
    header="",
    verify=_verify,
    sign=_sign,
)
