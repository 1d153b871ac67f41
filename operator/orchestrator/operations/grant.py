"""`grant`: the service accounts, roles and bindings that actions need, as manifests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.models.labels import ALLOW_WORKFLOWS
from orchestrator.models.template import Right, Scope

PART_OF = {"app.kubernetes.io/part-of": "itechsmart-workflow"}
RBAC = "rbac.authorization.k8s.io"

Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Grant:
    """The rights of an action for a service account."""

    action: str
    """As nodes name it."""
    account: str
    rights: Sequence[Right]
    namespaces: frozenset[str]
    """Where its namespaced rights are needed."""


def granted(namespace: str, grants: Iterable[Grant]) -> list[Manifest]:
    """The manifests by which the actions of a namespace have their rights, accounts first.

    Each action has a role of its own, so that a later grant of others takes none away.
    """
    every = sorted(grants, key=lambda grant: (grant.account, grant.action))
    accounts = dict.fromkeys(grant.account for grant in every)
    return [
        *(_account(namespace, name) for name in accounts),
        *(manifest for grant in every for manifest in _of_action(namespace, grant)),
    ]


def _of_action(namespace: str, grant: Grant) -> Iterator[Manifest]:
    local = f"{grant.account}:{grant.action.replace('/', ':')}"
    everywhere = f"{namespace}:{local}"
    rules = [_rule(right) for right in grant.rights if right.scope is Scope.NAMESPACED]
    if rules:
        for target in sorted(grant.namespaces):
            name = local if target == namespace else everywhere
            yield _role("Role", name, rules, target)
            yield _binding("Role", name, namespace, grant.account, target)
    rules = [_rule(right) for right in grant.rights if right.scope is Scope.CLUSTER]
    if rules:
        yield _role("ClusterRole", everywhere, rules)
        yield _binding("ClusterRole", everywhere, namespace, grant.account)


def _account(namespace: str, name: str) -> Manifest:
    labels = {ALLOW_WORKFLOWS: "true"}
    metadata = {"name": name, "namespace": namespace, "labels": labels}
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}


def _role(kind: str, name: str, rules: list[Manifest], namespace: str = "") -> Manifest:
    return {**_head(kind, name, namespace), "rules": rules}


def _binding(
    role: str, name: str, account_namespace: str, account: str, namespace: str = ""
) -> Manifest:
    subject = {"kind": "ServiceAccount", "name": account, "namespace": account_namespace}
    return {
        **_head(f"{role}Binding", name, namespace),
        "roleRef": {"apiGroup": RBAC, "kind": role, "name": name},
        "subjects": [subject],
    }


def _head(kind: str, name: str, namespace: str) -> Manifest:
    where = {"namespace": namespace} if namespace else {}
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": kind,
        "metadata": {"name": name, **where, "labels": dict(PART_OF)},
    }


def _rule(right: Right) -> Manifest:
    names = {"resourceNames": right.resource_names} if right.resource_names else {}
    return {
        "apiGroups": right.api_groups,
        "resources": right.resources,
        **names,
        "verbs": right.verbs,
    }
