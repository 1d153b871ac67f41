"""The Secrets that triggers name, read one by one where a Role allows it, and kept for seconds."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.kube.client import ApiClient, ApiError
from orchestrator.kube.live_reads import LiveReads
from orchestrator.kube.resources import SECRETS
from orchestrator.models.reasons import Reason
from orchestrator.triggers.sources import SecretKey

MAX_AGE_SECONDS = 30.0
"""Seconds for which a Secret is used without being read again: a rotated one takes effect then."""
RETRY_SECONDS = 5.0
"""Seconds between two reads of a Secret that cannot be read, or whose values do not verify a
request."""


class SecretError(Exception):
    """A Secret cannot be used: the reason and the message of the trigger's condition."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


@dataclass(frozen=True, slots=True)
class _Read:
    at: float
    """When it was read."""
    data: Mapping[str, bytes] | None
    """Its values; None if it does not exist."""
    forbidden: bool = False


class Secrets:
    """Reads Secrets by name."""

    def __init__(self, client: ApiClient, monotonic: Callable[[], float]) -> None:
        self._live = LiveReads(client, patient=False)
        self._monotonic = monotonic
        self._known: dict[tuple[str, str], _Read] = {}

    async def values(
        self, trigger: Mapping[str, str], keys: Sequence[SecretKey], *, fresh: bool = False
    ) -> list[bytes]:
        """The values of the keys of Secrets in the namespace of the Trigger with this metadata.

        With `fresh`, they are read again unless that was done seconds ago. Of several secrets those
        that exist are returned, since during a rotation the old one may already be gone. Raises
        SecretError if none can be used, and ApiError if the API server does not answer.
        """
        found: list[bytes] = []
        problem: SecretError | None = None
        for each in keys:
            try:
                found.append(await self._value(trigger, each, fresh=fresh))
            except SecretError as error:
                problem = problem or error
        if problem is not None and not found:
            raise problem
        return found

    async def _value(self, trigger: Mapping[str, str], key: SecretKey, *, fresh: bool) -> bytes:
        namespace = trigger["namespace"]
        read = await self._read(namespace, key.name, fresh=fresh)
        if read.forbidden:
            raise SecretError(
                Reason.SECRET_FORBIDDEN,
                f"the receiver may not read Secret {key.name}; allow it with: orchestrator trigger"
                f" grant {trigger['name']} -n {namespace} | kubectl apply -f -",
            )
        if read.data is None:
            command = f"kubectl create secret generic {key.name} -n {namespace}"
            raise SecretError(
                Reason.SECRET_MISSING,
                f"there is no Secret {key.name}; create it with: {command}"
                f" --from-literal={key.key}=VALUE",
            )
        value = read.data.get(key.key, b"")
        if not value:
            what = "has an empty" if key.key in read.data else "has no"
            raise SecretError(Reason.SECRET_MISSING, f"Secret {key.name} {what} key {key.key}")
        return value

    async def _read(self, namespace: str, name: str, *, fresh: bool) -> _Read:
        known = self._known.get((namespace, name))
        if known is not None:
            age = self._monotonic() - known.at
            usable = known.data is not None and not fresh
            if age < (MAX_AGE_SECONDS if usable else RETRY_SECONDS):
                return known
        at = self._monotonic()
        try:
            raw = await self._live.get(SECRETS, namespace, name)
        except ApiError as error:
            if error.status != 403:
                raise
            read = _Read(at, None, forbidden=True)
        else:
            read = _Read(at, None if raw is None else _decoded(raw.get("data") or {}))
        self._known[namespace, name] = read
        self._drop_old()
        return read

    def _drop_old(self) -> None:
        """Keep no value longer than it is used."""
        oldest = self._monotonic() - MAX_AGE_SECONDS
        for key in [key for key, read in self._known.items() if read.at < oldest]:
            del self._known[key]


def _decoded(data: Mapping[str, str]) -> dict[str, bytes]:
    """The values; a line break at the end, as editors and `echo` leave it, belongs to none."""
    values = {}
    for key, text in data.items():
        try:
            values[key] = base64.b64decode(text or "").rstrip(b"\r\n")
        except (binascii.Error, ValueError):
            values[key] = b""
    return values
