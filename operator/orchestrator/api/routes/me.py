"""Who the caller is, and what they may do."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from orchestrator.api.dependencies import CallerOf
from orchestrator.api.identifiers import Namespace
from orchestrator.api.openapi import returns
from orchestrator.api.responses import json_response
from orchestrator.models.base import GROUP
from orchestrator.session.cluster import Cluster

router = APIRouter(tags=["service"])
_PATH = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"


@router.get("/me", responses=returns("Me", "The caller."))
def me(caller: CallerOf, namespace: Namespace = "default") -> Response:
    """Who you are to the API server, and what you may do in a namespace with our kinds.

    With a session, `session.endsAt` says when it ends."""
    cluster = caller.cluster(namespace)
    user = cluster.who()
    answer = {
        "username": user.get("username", ""),
        "uid": user.get("uid", ""),
        "groups": list(user.get("groups") or ()),
        "namespace": namespace,
        "rights": _rights(cluster),
    }
    if caller.ends is not None:
        ends = datetime.fromtimestamp(caller.ends, UTC)
        answer["session"] = {"endsAt": ends.strftime("%Y-%m-%dT%H:%M:%SZ")}
    return json_response(answer)


def _rights(cluster: Cluster) -> dict[str, list[str]]:
    """Verbs by resource, as far as RBAC lists them."""
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": cluster.namespace},
    }
    rules: list[dict[str, Any]] = (
        cluster.request("POST", _PATH, body=body)["status"]["resourceRules"] or []
    )
    found: dict[str, set[str]] = {}
    for rule in rules:
        if GROUP in (rule.get("apiGroups") or ()) or "*" in (rule.get("apiGroups") or ()):
            for resource in rule.get("resources") or ():
                found.setdefault(resource, set()).update(rule["verbs"])
    return {resource: sorted(verbs) for resource, verbs in sorted(found.items())}
