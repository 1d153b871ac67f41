"""The Kubernetes API for actions: plain objects, and errors with messages for users."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from orchestrator.actions.action import ActionError
from orchestrator.kube.errors import ApiError
from orchestrator.models.chain import Chain

if TYPE_CHECKING:
    from orchestrator.kube.blocking import BlockingClient
    from orchestrator.kube.resources import Resource

FIELD_MANAGER = "itechsmart-workflow-action"
MAX_CONFLICTS = 5
"""How often a write is based on a new read because others changed the object in between."""
Object = dict[str, Any]
"""A Kubernetes object as JSON."""


def connect(environ: Mapping[str, str]) -> BlockingClient:
    """Connect as the pod's service account, or with $KUBECONFIG if it is set.

    Raises a permanent ActionError if there are no credentials.
    """
    # Imported here: TLS and HTTP are half of an action's imports, and not every action needs them.
    from orchestrator.kube.access import AccessError, of_kubeconfig, of_pod
    from orchestrator.kube.blocking import BlockingClient

    try:
        kubeconfig = environ.get("KUBECONFIG")
        access = of_kubeconfig(kubeconfig) if kubeconfig else of_pod(environ)
    except AccessError as error:
        raise ActionError(
            f"no access to the Kubernetes API ({error}): the Template must name a "
            "serviceAccountName, or set KUBECONFIG outside a cluster",
            permanent=True,
        ) from None
    return BlockingClient(access, FIELD_MANAGER, _chain(environ))


def _chain(environ: Mapping[str, str]) -> Callable[[], Mapping[str, str]]:
    """Annotations by which Triggers on what the action writes continue the chain of triggers.

    An action that is run by hand, without CONTEXT, continues none.
    """
    try:
        parts = json.loads(environ.get("CONTEXT") or "null") or {}
        depth, _, root = str(parts.get("chain") or f"0/{parts.get('uid', '')}").partition("/")
        chain = Chain(int(depth), root)
    except (AttributeError, ValueError):
        return dict
    if not root:
        return dict
    return lambda: chain.annotation(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}")


def classify(error: Exception) -> ActionError | None:
    """An ApiError as an ActionError: conflicts, throttling and server errors are transient; None
    for other errors."""
    if not isinstance(error, ApiError):
        return None
    message = re.sub(r"\s+", " ", error.message).strip()
    if not error.status:
        return ActionError(f"cannot reach the Kubernetes API: {message}")
    return ActionError(
        message or f"the Kubernetes API responded with {error.status}",
        permanent=400 <= error.status < 500 and error.status not in (408, 409, 429),
    )


def annotations_of(raw: Object) -> dict[str, str]:
    """The annotations of an object."""
    return raw["metadata"].get("annotations") or {}


def guarded(
    cluster: BlockingClient,
    resource: Resource,
    namespace: str,
    name: str,
    patch: Callable[[Object], Object | None],
) -> tuple[Object, bool]:
    """Write the merge patch for the object as read, only if it is still so; None writes nothing.

    Returns the object, and whether it was written. A controller often writes the status of an
    object at the same time: after such a conflict, the object is read again.
    """
    for conflicts in range(MAX_CONFLICTS + 1):
        found = cluster.get(resource, namespace, name)
        change = patch(found)
        if change is None:
            return found, False
        metadata = change.get("metadata", {})
        change["metadata"] = {**metadata, "resourceVersion": found["metadata"]["resourceVersion"]}
        try:
            return cluster.merge(resource, namespace, name, change), True
        except ApiError as error:
            if error.status != 409 or conflicts == MAX_CONFLICTS:
                raise
    raise AssertionError("unreachable")
