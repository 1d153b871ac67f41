"""API users with exactly the given rights, and objects on which each route succeeds."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import partial
from typing import Any

from orchestrator.kube.resources import CONTROLLER_REVISIONS, EXECUTIONS, Resource
from orchestrator.models.base import GROUP
from tests.api_process import ApiUser
from tests.cluster.api_environment import ApiEnvironment
from tests.history_database import revision_of
from tests.kube import Kubectl, eventually, execution, manifest, workflow

USER = "exact"
"""The part of the samples' names that no role has."""
_GROUPS = {"pods": "", "pods/log": "", "controllerrevisions": "apps"}
_RBAC = "rbac.authorization.k8s.io"
Rights = frozenset[str]


def users_with(env: ApiEnvironment, sets: Iterable[Rights]) -> dict[Rights, ApiUser]:
    """A user for each set of rights, such as `get workflows`, once they are in effect."""
    named = {rights: f"{USER}-{number}" for number, rights in enumerate(dict.fromkeys(sets))}
    admin = env.admin
    admin.apply(*(one for rights, name in named.items() for one in _account(admin, name, rights)))
    users = {rights: env["anyone"].within(_token(admin, name)) for rights, name in named.items()}
    for rights, user in users.items():
        eventually(partial(_has, user, admin.namespace, rights))
    return users


def _account(admin: Kubectl, name: str, rights: Collection[str]) -> list[dict[str, Any]]:
    """A service account, with a role of its own."""
    pairs = [right.split(" ") for right in sorted(rights)]
    rules = [
        {"apiGroups": [_GROUPS.get(resource, GROUP)], "resources": [resource], "verbs": [verb]}
        for verb, resource in pairs
    ]
    metadata = {"name": name}
    subject = {"kind": "ServiceAccount", "name": name, "namespace": admin.namespace}
    role = {"apiGroup": _RBAC, "kind": "Role", "name": name}
    made: list[dict[str, Any]] = [
        {"apiVersion": "v1", "kind": "ServiceAccount"},
        {"apiVersion": f"{_RBAC}/v1", "kind": "Role", "rules": rules},
        {
            "apiVersion": f"{_RBAC}/v1",
            "kind": "RoleBinding",
            "roleRef": role,
            "subjects": [subject],
        },
    ]
    return [{**one, "metadata": metadata} for one in made]


def _token(admin: Kubectl, name: str) -> str:
    requests = Resource("", "v1", f"serviceaccounts/{name}/token", "TokenRequest")
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    return str(admin.api.create(requests, admin.namespace, body)["status"]["token"])


def _has(user: ApiUser, namespace: str, rights: Rights) -> bool:
    """Whether the user's role is in effect; its rules come into effect together."""
    verbs: Mapping[str, list[str]] = user("GET", f"/me?namespace={namespace}").body["rights"]
    ours = [right.split(" ") for right in rights]
    return all(verb in verbs.get(name, ()) for verb, name in ours if name not in _GROUPS)


def create_objects(admin: Kubectl, spec: dict[str, Any]) -> None:
    """Create executions to control, a revision to read, a schedule, and objects to delete."""
    names = ("live", "pause", "resume", "cancel", "signal", "decide")
    paused = {"desiredState": "Paused"}
    admin.apply(
        *[execution("w", name, **(paused if name == "resume" else {})) for name in names],
        workflow(f"gone-{USER}", **spec),
        manifest("Trigger", f"gone-{USER}", {"workflow": "w", "manual": {}}),
        manifest("Trigger", "timed", {"workflow": "w", "schedule": {"cron": "0 3 1 1 *"}}),
    )
    record = {"phase": "Waiting", "reason": "AwaitingApproval", "message": "waits", "attempts": 1,
              "startedAt": "2026-11-30T08:00:00Z"}  # fmt: skip
    status = {"phase": "Running", "nodes": {"hold": record}}
    admin.api.merge(EXECUTIONS, admin.namespace, "decide", {"status": status}, "status")
    revision = {"metadata": {"name": "frozen"}, "revision": 1, "data": revision_of("w", spec).data}
    admin.api.create(CONTROLLER_REVISIONS, admin.namespace, revision)


def execution_for(route: str, *, allowed: bool) -> str:
    """The execution on which a route succeeds; for a stream that is refused, one that has not
    ended."""
    last = route.rpartition("/")[2]
    if last == "events":
        return "e" if allowed else "live"
    return last if last in ("pause", "resume", "cancel", "signal", "decide") else "e"
