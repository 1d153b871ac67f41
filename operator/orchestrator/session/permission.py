"""Checks with the API server that the user holds a verb on one of our kinds."""

from __future__ import annotations

from orchestrator.kube.resources import EXECUTIONS, Resource
from orchestrator.models.base import GROUP
from orchestrator.session.cluster import Cluster
from orchestrator.session.errors import ForbiddenError, UsageError
from orchestrator.session.rights import Missing

_PATH = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


def require(cluster: Cluster, verb: str, kind: Resource = EXECUTIONS) -> None:
    """Raises UsageError, with the command that grants the verb, if the user lacks it.

    If the API server does not answer, the request itself is refused later.
    """
    asked = {
        "namespace": cluster.namespace,
        "verb": verb,
        "group": GROUP,
        "resource": kind.plural,
    }
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": asked},
    }
    try:
        answer = cluster.request("POST", _PATH, body=body)
    except UsageError:
        return
    if not answer["status"].get("allowed"):
        missing = Missing(cluster.user or "you", verb, kind.plural, namespace=cluster.namespace)
        raise ForbiddenError(missing.sentence())
