"""What `{id}` in a path means: a name, `NAMESPACE:NAME`, or a uid."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import Depends, Path, Query

from orchestrator.api.clients import Caller
from orchestrator.api.dependencies import CallerOf
from orchestrator.api.problems import ProblemError
from orchestrator.kube.resources import Resource
from orchestrator.models.base import DNS_LABEL_PATTERN
from orchestrator.session.cluster import Cluster, Raw
from orchestrator.session.errors import NotFoundError

_UID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
MAX_ID = 320
"""Characters of a namespace, a colon and a name."""

Id = Annotated[
    str,
    Path(
        alias="id",
        max_length=MAX_ID,
        description="A name, `NAMESPACE:NAME`, or a uid; `@latest` is the newest object.",
    ),
]
Namespace = Annotated[
    str,
    Query(
        max_length=63,
        pattern=DNS_LABEL_PATTERN,
        description="The namespace of a name without one.",
    ),
]
Namespaces = Annotated[
    list[Annotated[str, Query(max_length=63, pattern=DNS_LABEL_PATTERN)]],
    Query(
        max_length=64,
        description="Only these namespaces; repeatable. All namespaces by default, which takes the"
        " right to list in the whole cluster.",
    ),
]


def find(caller: Caller, kind: Resource, identifier: str, namespace: str) -> tuple[Cluster, Raw]:
    """The object that an identifier means, and the cluster in its namespace.

    Raises UsageError, with the nearest names in the same namespace if there is none.
    """
    if is_uid(identifier):
        cluster = caller.cluster(namespace)
        found = cluster.find_uid(kind, identifier)
        if found is None:
            raise NotFoundError(f"there is no {kind.kind} with the uid {identifier}")
        return cluster.within(found["metadata"].get("namespace")), found
    within, name = namespace_and_name(identifier, namespace)
    cluster = caller.cluster(within)
    return cluster, cluster.get(kind, name)


def is_uid(identifier: str) -> bool:
    """Whether an identifier is a uid."""
    return _UID.fullmatch(identifier) is not None


def namespace_and_name(identifier: str, namespace: str) -> tuple[str, str]:
    """What an identifier that is no uid means; `namespace` is that of a name without one.

    Raises ProblemError 404 if it can mean no object.
    """
    before, colon, name = identifier.partition(":")
    if colon and not re.fullmatch(DNS_LABEL_PATTERN, before):
        raise ProblemError(404, f"{identifier[:64]!r}: {before[:63]!r} is not a namespace")
    return (before, name) if colon else (namespace, identifier)


class Target:
    """The object that the path of a request names."""

    def __init__(self, caller: CallerOf, identifier: Id, namespace: Namespace = "default") -> None:
        self.caller = caller
        self.identifier = identifier
        self.namespace = namespace

    def find(self, kind: Resource) -> tuple[Cluster, Raw]:
        """As `find`."""
        return find(self.caller, kind, self.identifier, self.namespace)


TargetOf = Annotated[Target, Depends()]
