"""Objects of any kind: which kinds an action may change, and their resources.

Each action on objects of any kind has a parameter with the kinds that it may change. It protects a
workflow's author from the values of variables: what the service account may do, RBAC decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from orchestrator.actions.action import ActionError, Context
from orchestrator.actions.kubernetes.targets import InNamespace
from orchestrator.kube.resources import (
    AUTOSCALERS,
    CLAIMS,
    CONFIG_MAPS,
    CRON_JOBS,
    DAEMON_SETS,
    DEPLOYMENTS,
    DISRUPTION_BUDGETS,
    INGRESSES,
    JOBS,
    NODES,
    PODS,
    REPLICA_SETS,
    SERVICES,
    STATEFUL_SETS,
    Resource,
)

if TYPE_CHECKING:
    from orchestrator.kube.blocking import BlockingClient

ANY_KIND = "*"
BUILT_IN = (
    CONFIG_MAPS,
    SERVICES,
    CLAIMS,
    PODS,
    NODES,
    DEPLOYMENTS,
    STATEFUL_SETS,
    DAEMON_SETS,
    REPLICA_SETS,
    JOBS,
    CRON_JOBS,
    INGRESSES,
    AUTOSCALERS,
    DISRUPTION_BUDGETS,
)
"""Kinds that need no apiVersion, and no request for their resource."""
CHANGEABLE = (
    CONFIG_MAPS,
    SERVICES,
    CLAIMS,
    DEPLOYMENTS,
    STATEFUL_SETS,
    DAEMON_SETS,
    JOBS,
    CRON_JOBS,
    INGRESSES,
    AUTOSCALERS,
    DISRUPTION_BUDGETS,
)
"""Kinds that are applied and patched by default: an application, without its rights and Secrets."""
DELETABLE = (
    CONFIG_MAPS,
    SERVICES,
    PODS,
    DEPLOYMENTS,
    DAEMON_SETS,
    JOBS,
    CRON_JOBS,
    INGRESSES,
    AUTOSCALERS,
)
"""Kinds that are deleted by default: what holds no data and protects nothing."""

ApiVersion = Annotated[str, Field(max_length=253, pattern=r"^([a-z0-9.-]+/)?v[a-z0-9]+$|^$")]
Kind = Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[A-Za-z0-9]+$")]
AllowedKind = Annotated[
    str, Field(max_length=317, pattern=r"^(\*|[A-Z][A-Za-z0-9]*(\.[a-z0-9.-]+)?)$")
]
Kinds = Annotated[list[AllowedKind], Field(max_length=64)]


class OfKind(InNamespace):
    """The kind of an action's target."""

    api_version: ApiVersion = ""
    """API version of the object, such as apps/v1; not needed for Kubernetes' common kinds."""
    kind: Kind
    """Kind of the object, such as Deployment."""


def qualified(kind: str, api_version: str) -> str:
    """A kind with its group, as an allow-list names it: `Deployment.apps`, `ConfigMap`."""
    group = api_version.rpartition("/")[0]
    return f"{kind}.{group}" if group else kind


def names(resources: Iterable[Resource]) -> list[str]:
    """The kinds of resources, as an allow-list names them."""
    return [qualified(each.kind, each.api_version) for each in resources]


def check_allowed(kind: str, api_version: str, allowed: Sequence[str]) -> None:
    """Raises ActionError, permanent, for a kind that is not on the allow-list."""
    name = qualified(kind, api_version)
    if name not in allowed and ANY_KIND not in allowed:
        known = ", ".join(allowed) or "none"
        words = f"{name} is not an allowed kind: the parameter kinds allows {known}"
        raise ActionError(words, permanent=True)


def version_of(kind: str, api_version: str) -> str:
    """The API version, or that of the built-in kind; ActionError, permanent, without either."""
    if api_version:
        return api_version
    for each in BUILT_IN:
        if each.kind == kind:
            return each.api_version
    raise ActionError(f"the kind {kind} needs its apiVersion, such as v1", permanent=True)


def resource_of(cluster: BlockingClient, kind: str, api_version: str) -> Resource:
    """The resource of a kind; ActionError, permanent, if the API server does not serve it."""
    for each in BUILT_IN:
        if (each.kind, each.api_version) == (kind, api_version):
            return each
    found = cluster.discover(api_version, kind)
    if found is None:
        words = f"the API server serves no kind {kind} of {api_version}"
        raise ActionError(words, permanent=True)
    return found


def place_of(resource: Resource, namespace: str, name: str) -> str:
    """An object as messages name it."""
    return (
        f"{resource.kind} {namespace}/{name}"
        if resource.namespaced
        else (f"{resource.kind} {name}")
    )


def target(cluster: BlockingClient, parameters: OfKind, context: Context) -> tuple[Resource, str]:
    """The resource and the namespace of an action's target."""
    version = version_of(parameters.kind, parameters.api_version)
    resource = resource_of(cluster, parameters.kind, version)
    return resource, parameters.in_namespace(context) if resource.namespaced else ""
