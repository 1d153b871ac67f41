"""The parts of a scheme: a value that the settings of trigger types and the receiver read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic

from pydantic import Field

from orchestrator.models.base import DATA_KEY_PATTERN, Model, ObjectName
from orchestrator.triggers.sources import HttpRequest, HttpResponse, S, Sending


class SecretReference(Model):
    """A key of a Secret in the trigger's namespace."""

    name: ObjectName
    """Name of the Secret."""
    key: Annotated[str, Field(pattern=DATA_KEY_PATTERN, min_length=1, max_length=253)]
    """Key in the Secret's data."""


Secrets = Annotated[list[SecretReference], Field(min_length=1, max_length=4)]
"""The newest first; each is accepted, so that a secret can be rotated."""


class WithSecrets(Model):
    """Settings of a scheme with secrets that sender and receiver share."""

    secrets: Secrets
    """Secrets that are accepted, the newest first: while a secret is rotated, list the new and the
    old one."""


@dataclass(frozen=True, slots=True)
class Scheme(Generic[S]):
    """A way to verify requests."""

    key: str
    """The field of a trigger type's settings that selects it."""
    verifies: str
    """What it verifies, in one sentence: the field's description."""
    settings: type[S]
    header: str
    """The header with the proof; empty if the settings name it, or if it is no header."""
    verify: Callable[[S, HttpRequest, Sequence[bytes]], str]
    """(settings, request, secrets) → why the request is not verified; empty if it is."""
    sign: Callable[[S, Sending, bytes], Mapping[str, str]]
    """(settings, request, secret) → the headers with which the sender signs it."""
    secrets: Callable[[S], Sequence[SecretReference]] = lambda _: ()
    """What `verify` needs, in the same order."""
    identity: Callable[[S, HttpRequest, Any], str] = lambda *_: ""
    """(settings, verified request, parsed body) → its delivery id; empty if it has none."""
    answer: Callable[[HttpRequest, Any], HttpResponse | None] = lambda *_: None
    """(verified request, parsed body) → the answer to a test or handshake, which is no event."""


def secrets_of(settings: WithSecrets) -> Sequence[SecretReference]:
    """The secrets of a scheme."""
    return settings.secrets
