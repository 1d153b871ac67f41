"""Checks with the API server that the user holds one of our verbs on executions."""

from __future__ import annotations

from orchestrator.cli.connection import Cluster
from orchestrator.cli.errors import ForbiddenError, UsageError
from orchestrator.cli.rights import Missing
from orchestrator.kube.resources import EXECUTIONS
from orchestrator.models.base import GROUP

_PATH = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


def require(cluster: Cluster, verb: str) -> None:
    """Raises UsageError, with the command that grants the verb, if the user lacks it.

    If the API server does not answer, the request itself is refused later.
    """
    asked = {
        "namespace": cluster.namespace,
        "verb": verb,
        "group": GROUP,
        "resource": EXECUTIONS.plural,
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
        missing = Missing(
            cluster.user or "you", verb, EXECUTIONS.plural, namespace=cluster.namespace
        )
        raise ForbiddenError(missing.sentence())
