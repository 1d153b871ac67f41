"""Whether the user holds one of the verbs of this API on executions, asked of the API server."""

from __future__ import annotations

from orchestrator.cli.connection import Cluster
from orchestrator.cli.errors import UsageError
from orchestrator.cli.kinds import EXECUTIONS
from orchestrator.models.base import GROUP

_PATH = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


def require(cluster: Cluster, verb: str) -> None:
    """Raises UsageError with the command that grants it where the user lacks the verb.

    Where the API server does not answer the question, the request itself is what it refuses.
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
        user = cluster.user or "you"
        raise UsageError(
            f"{user} may not {verb} executions in namespace {cluster.namespace}: it takes the verb"
            f" {verb} on {EXECUTIONS.plural}; who administers the namespace grants it with\n"
            f"  kubectl create rolebinding {verb}-{_label(user)} -n {cluster.namespace}"
            f" --clusterrole itechsmart-workflow-{verb} --user {user}"
        )


def _label(user: str) -> str:
    """The user as a part of an object's name."""
    return "".join(letter if letter.isalnum() else "-" for letter in user.lower()).strip("-")
