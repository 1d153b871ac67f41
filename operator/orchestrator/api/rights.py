"""What callers may read of objects that the API server no longer has.

The API server is asked with the caller's own token, or for the user of a session
(SelfSubjectAccessReview), which authenticates and authorizes at once: the API needs no right of its
own to answer.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from orchestrator.kube.resources import Resource
from orchestrator.session.cluster import Cluster
from orchestrator.session.permission import is_allowed, lacking

ALLOWED_SECONDS = 5.0
"""Seconds after which a right is asked for again, so that a revoked one does not last."""
MAX_ALLOWED = 10_000
"""Rights that are remembered; of more, the one that was asked for first is forgotten."""


class Rights:
    """Asks for rights and remembers those that are held; safe to use from several threads.

    Refusals are not remembered: a right that is granted has effect at once.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._until: OrderedDict[bytes, float] = OrderedDict()
        self._lock = threading.Lock()

    def allows(self, cluster: Cluster, verb: str, kind: Resource, subresource: str = "") -> bool:
        """Whether the caller holds the verb on the kind in the cluster's namespace; in all
        namespaces, if that is empty.

        Raises UsageError if the API server does not answer, or refuses the token.
        """
        key = _key(cluster, verb, kind, subresource)
        with self._lock:
            if self._until.get(key, 0.0) > self._monotonic():
                return True
        if not is_allowed(cluster, verb, kind, subresource):
            return False
        with self._lock:
            self._until[key] = self._monotonic() + ALLOWED_SECONDS
            self._until.move_to_end(key)
            if len(self._until) > MAX_ALLOWED:
                self._until.popitem(last=False)
        return True

    def require(self, cluster: Cluster, verb: str, kind: Resource, subresource: str = "") -> None:
        """Raises ForbiddenError, which says what grants the verb, if the caller lacks it;
        UsageError as `allows` does."""
        if not self.allows(cluster, verb, kind, subresource):
            raise lacking(cluster, verb, kind, subresource)


def _key(cluster: Cluster, *asked: str | Resource) -> bytes:
    """Only a hash: no token is kept."""
    words = [word.path(None) if isinstance(word, Resource) else word for word in asked]
    text = "\n".join([cluster.namespace, *words, cluster.identity])
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()
