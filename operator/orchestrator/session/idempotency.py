"""Creations that are made once: a repeated request gives the object of the first.

The object says by an annotation which request created it: a key, and the content. Where no name is
given, it follows from the key, so that two copies of a request at the same time create one object.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import orjson

from orchestrator.kube.resources import EXECUTIONS, Resource
from orchestrator.models.base import GROUP
from orchestrator.session.cluster import Cluster, Raw
from orchestrator.session.editing import is_taken
from orchestrator.session.errors import ConflictError, UsageError

REQUEST = f"{GROUP}/idempotency"
"""Annotation of an object that a request with an idempotency key created."""
_PREFIX = 40
"""Characters of the readable part of a name."""


class ReusedKeyError(UsageError):
    """The key was used before, for a request with other content."""


@dataclass(frozen=True, slots=True)
class RequestKey:
    """The idempotency key of a request, of one caller on one route."""

    identity: str
    content: str
    user: str

    @classmethod
    def of(cls, user: str, route: str, key: str, content: Any) -> RequestKey:
        """The key that a user sends with a request of this content."""
        identity = hashlib.sha256("\0".join((user, route, key)).encode()).hexdigest()[:32]
        body = orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
        return cls(identity, hashlib.sha256(body).hexdigest()[:32], user)

    def name(self, prefix: str) -> str:
        """A name for the object of the request, at most 63 characters."""
        readable = prefix[:_PREFIX].rstrip("-.")
        return f"{readable}-{self.identity[:20]}"

    @property
    def annotation(self) -> str:
        """What the object says of the request."""
        return f"{self.identity}.{self.content}"


def earlier(cluster: Cluster, kind: Resource, name: str, key: RequestKey) -> Raw | None:
    """The object that an earlier request with the key created; None if there is none.

    Raises ReusedKeyError if that request had other content.
    """
    found = cluster.find(kind, name)
    return found if found is not None and is_made_by(found, key) else None


def is_made_by(found: Raw, key: RequestKey) -> bool:
    """Whether a request with the key created an object.

    The annotation is what anyone may write who may create such objects. An execution also says who
    started it, which the API server has checked. Raises ReusedKeyError if that request had other
    content.
    """
    metadata = found["metadata"]
    if found["kind"] == EXECUTIONS.kind and found["spec"].get("requester") != key.user:
        return False
    annotation = str((metadata.get("annotations") or {}).get(REQUEST, ""))
    identity, _, content = annotation.partition(".")
    if identity != key.identity:
        return False
    if content != key.content:
        raise ReusedKeyError(
            f"the Idempotency-Key was used before, to create {found['kind']} {metadata['name']}"
            " with other content: send a new key"
        )
    return True


def create_once(
    cluster: Cluster, kind: Resource, manifest: Raw, key: RequestKey | None, *, manager: str
) -> tuple[Raw, bool]:
    """The object, and whether this request created it.

    Raises ReusedKeyError if an earlier request with the key had other content, and ConflictError if
    the name is taken by another object.
    """
    if key is None:
        return _created(cluster, kind, manifest, manager), True
    metadata = dict(manifest["metadata"])
    if "name" not in metadata:
        metadata["name"] = key.name(metadata.pop("generateName"))
    metadata["annotations"] = {**(metadata.get("annotations") or {}), REQUEST: key.annotation}
    try:
        return _created(cluster, kind, {**manifest, "metadata": metadata}, manager), True
    except ConflictError:
        found = earlier(cluster, kind, metadata["name"], key)
        if found is None:
            raise
        return found, False


def _created(cluster: Cluster, kind: Resource, manifest: Raw, manager: str) -> Raw:
    try:
        return cluster.create(kind, manifest, manager=manager)
    except UsageError as error:
        if is_taken(error):
            raise ConflictError(str(error)) from error
        raise
