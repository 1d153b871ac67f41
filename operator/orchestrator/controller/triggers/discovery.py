"""Finds the resource that a trigger follows, and says why the operator may not follow it."""

from __future__ import annotations

import re

from orchestrator.kube.client import ApiClient, ApiError
from orchestrator.kube.resources import Resource
from orchestrator.models.nearest import did_you_mean
from orchestrator.models.reasons import Reason
from orchestrator.triggers.readiness import Access
from orchestrator.triggers.sources import WatchedResource

_USER = re.compile(r'User "system:serviceaccount:([^:"]+):([^"]+)"')


class RefusedError(ApiError):
    """A resource that no trigger follows, whatever the operator's rights."""

    def __init__(self, refused: Access) -> None:
        super().__init__(404, "NotFound", refused.message)
        self.refused = refused


def _refused(reason: Reason, message: str) -> Access:
    return Access(known=True, reason=reason, message=message)


async def resolve(client: ApiClient, asked: WatchedResource) -> Resource:
    """The resource of the API server. Raises RefusedError if there is none to follow."""
    if asked.verified:
        return Resource(asked.group, asked.version, asked.plural, asked.kind)
    version = f"{asked.group}/{asked.version}" if asked.group else asked.version
    try:
        found = await client.discover(asked.group, asked.version)
    except ApiError as error:
        if error.status != 404:
            raise
        message = f"the cluster does not serve the API {version}; install it, or correct apiVersion"
        raise RefusedError(_refused(Reason.RESOURCE_UNKNOWN, message)) from error
    field = "plural" if asked.plural else "kind"
    wanted = asked.plural or asked.kind
    there = {
        each["name" if asked.plural else "kind"]: each for each in found if "/" not in each["name"]
    }
    if (each := there.get(wanted)) is None:
        called = "resource" if field == "plural" else "kind"
        hint = did_you_mean(wanted, there)
        message = f"{version} has no {called} {wanted!r}{hint}"
        raise RefusedError(_refused(Reason.RESOURCE_UNKNOWN, message))
    if not each["namespaced"]:
        message = (
            f"{each['kind']} is a cluster-scoped kind; a Trigger only sees the objects of its own "
            "namespace"
        )
        raise RefusedError(_refused(Reason.RESOURCE_FORBIDDEN, message))
    if (asked.group, each["name"]) == ("", "secrets"):
        message = "no Trigger sees Secrets"
        raise RefusedError(_refused(Reason.RESOURCE_FORBIDDEN, message))
    if not {"list", "watch"} <= set(each.get("verbs") or ()):
        message = f"objects of kind {each['kind']} cannot be watched"
        raise RefusedError(_refused(Reason.RESOURCE_UNKNOWN, message))
    return Resource(asked.group, asked.version, each["name"], each["kind"])


def refusal_from(error: Exception, asked: WatchedResource, namespace: str) -> Access | None:
    """What a failure says of the operator's rights; None if it says nothing."""
    if isinstance(error, RefusedError):
        return error.refused
    if not isinstance(error, ApiError) or error.status not in (403, 404):
        return None
    plural = asked.plural or asked.kind
    if error.status == 404:
        where = f"{asked.group}/{asked.version}" if asked.group else asked.version
        message = f"the cluster does not serve {plural} of {where}; install its definition"
        return _refused(Reason.RESOURCE_UNKNOWN, message)
    return _refused(Reason.RESOURCE_FORBIDDEN, _forbidden(error.message, asked, namespace))


def _forbidden(said: str, asked: WatchedResource, namespace: str) -> str:
    """The commands that grant the right, for an administrator of the namespace."""
    plural = re.search(r'resource "([^"]+)"', said)
    name = plural[1] if plural else asked.plural
    resource = f"{name}.{asked.group}" if asked.group else name
    called = f"automation-watch-{name}"
    words = f"the operator may not watch {resource} in namespace {namespace}"
    if (user := _USER.search(said)) is None:
        return f"{words}; grant it list and watch on {resource}"
    return (
        f"{words}; allow it: kubectl -n {namespace} create role {called} "
        f"--verb=list,watch --resource={resource} && kubectl -n {namespace} create rolebinding "
        f"{called} --role={called} --serviceaccount={user[1]}:{user[2]}"
    )
