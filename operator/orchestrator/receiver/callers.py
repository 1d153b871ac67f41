"""Callers of API endpoints: the API server says who they are, and whether they may fire a trigger.

https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-review-v1/ and
subject-access-review-v1 beside it.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from orchestrator.kube.client import ApiClient
from orchestrator.kube.resources import TRIGGERS, Resource

TOKEN_REVIEWS = Resource("authentication.k8s.io", "v1", "tokenreviews", "TokenReview", False)
ACCESS_REVIEWS = Resource(
    "authorization.k8s.io", "v1", "subjectaccessreviews", "SubjectAccessReview", False
)
VERB, SUBRESOURCE = "create", "fire"
"""The right to fire a trigger: create on triggers/fire."""
MAX_AGE_SECONDS = 10.0
"""Seconds for which an answer of the API server is used again."""
MAX_KNOWN = 1_000
"""Answers that are kept."""
MAX_REVIEWS = 8
"""Tokens that are reviewed at a time: anyone can send them, and events are stored beside."""
MAX_TOKEN = 16 * 1024
"""Maximum length of a token, in characters."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A user as the API server knows them."""

    name: str
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)


class Callers:
    """Asks the API server, and keeps its answers for seconds."""

    def __init__(
        self, client: ApiClient, monotonic: Callable[[], float], audiences: tuple[str, ...] = ()
    ) -> None:
        """Tokens must be for one of the `audiences`; for the API server if there are none."""
        self._client = client
        self._monotonic = monotonic
        self._audiences = audiences
        self._callers: dict[bytes, tuple[float, Caller | None]] = {}
        self._unknown: dict[bytes, tuple[float, None]] = {}
        """Tokens that are not valid: apart, so that they push no valid one out."""
        self._reviews = asyncio.Semaphore(MAX_REVIEWS)
        self._rights: dict[tuple[Caller, str, str], tuple[float, bool]] = {}

    async def of(self, token: str) -> Caller | None:
        """The user of a token; None if it is not valid. Raises ApiError."""
        if not token or len(token) > MAX_TOKEN:
            return None
        key = hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
        known = self._callers.get(key) or self._unknown.get(key)
        if known is None or known[0] < self._monotonic() - MAX_AGE_SECONDS:
            async with self._reviews:
                known = self._monotonic(), await self._review(token)
            _keep(self._unknown if known[1] is None else self._callers, key, known)
        return known[1]

    async def may_fire(self, caller: Caller, namespace: str, trigger: str) -> bool:
        """Whether the user may fire a trigger of this name. Raises ApiError."""
        key = (caller, namespace, trigger)
        known = self._rights.get(key)
        if known is None or known[0] < self._monotonic() - MAX_AGE_SECONDS:
            known = self._monotonic(), await self._allowed(caller, namespace, trigger)
            _keep(self._rights, key, known)
        return known[1]

    async def _review(self, token: str) -> Caller | None:
        spec: dict[str, Any] = {"token": token.encode("utf-8", "replace").decode()}
        if self._audiences:
            spec["audiences"] = list(self._audiences)
        body = {
            "apiVersion": TOKEN_REVIEWS.api_version,
            "kind": TOKEN_REVIEWS.kind,
            "spec": spec,
        }
        status = (await self._client.create(TOKEN_REVIEWS, None, body)).get("status") or {}
        user = status.get("user") or {}
        if not status.get("authenticated") or not user.get("username"):
            return None
        if self._audiences and set(self._audiences).isdisjoint(status.get("audiences") or ()):
            return None  # an authenticator that knows no audiences accepts any token
        groups = tuple(user.get("groups") or ())
        extra = user.get("extra") or {}
        return Caller(user["username"], user.get("uid") or "", groups, extra)

    async def _allowed(self, caller: Caller, namespace: str, trigger: str) -> bool:
        body = {
            "apiVersion": ACCESS_REVIEWS.api_version,
            "kind": ACCESS_REVIEWS.kind,
            "spec": {
                "user": caller.name,
                "uid": caller.uid,
                "groups": list(caller.groups),
                "extra": dict(caller.extra),
                "resourceAttributes": {
                    "group": TRIGGERS.group,
                    "version": TRIGGERS.version,
                    "resource": TRIGGERS.plural,
                    "subresource": SUBRESOURCE,
                    "verb": VERB,
                    "namespace": namespace,
                    "name": trigger,
                },
            },
        }
        status = (await self._client.create(ACCESS_REVIEWS, None, body)).get("status") or {}
        return bool(status.get("allowed"))


def _keep(known: dict[Any, Any], key: Any, value: Any) -> None:
    known.pop(key, None)
    known[key] = value
    while len(known) > MAX_KNOWN:
        del known[next(iter(known))]
