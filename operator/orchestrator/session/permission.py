"""Asks the API server whether the user holds a verb on a kind."""

from __future__ import annotations

from orchestrator.kube.resources import EXECUTIONS, Resource
from orchestrator.session.cluster import Cluster
from orchestrator.session.errors import ForbiddenError, UsageError
from orchestrator.session.rights import Missing

_PATH = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


def is_allowed(cluster: Cluster, verb: str, kind: Resource, subresource: str = "") -> bool:
    """Whether the user holds the verb in the cluster's namespace; in all, if that is empty.

    Raises UsageError if the API server does not answer, or refuses the token.
    """
    asked = {
        "namespace": cluster.namespace,
        "verb": verb,
        "group": kind.group,
        "resource": kind.plural,
        "subresource": subresource,
    }
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": asked},
    }
    return bool(cluster.request("POST", _PATH, body=body)["status"].get("allowed"))


def lacking(cluster: Cluster, verb: str, kind: Resource, subresource: str = "") -> ForbiddenError:
    """The error for a user who lacks the verb, with the command that grants it."""
    name = f"{kind.plural}/{subresource}" if subresource else kind.plural
    missing = Missing(cluster.user, verb, name, group=kind.group, namespace=cluster.namespace)
    return ForbiddenError(missing.sentence())


def require(cluster: Cluster, verb: str, kind: Resource = EXECUTIONS) -> None:
    """Raises ForbiddenError, with the command that grants the verb, if the user lacks it.

    If the API server does not answer, the request itself is refused later.
    """
    try:
        allowed = is_allowed(cluster, verb, kind)
    except UsageError:
        return
    if not allowed:
        raise lacking(cluster, verb, kind)
