"""The Kubernetes API for actions: plain objects, and errors as sentences."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from orchestrator.actions.action import ActionError
from orchestrator.kube.errors import ApiError

if TYPE_CHECKING:
    from orchestrator.kube.blocking import BlockingClient

FIELD_MANAGER = "itechsmart-workflow-action"
Object = dict[str, Any]
"""A Kubernetes object as JSON."""


def connect(environ: Mapping[str, str]) -> BlockingClient:
    """Connect as the pod's service account, or with $KUBECONFIG if it is set.

    Raises ActionError, permanent, when there are no credentials.
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
    return BlockingClient(access, FIELD_MANAGER)


def classify(error: Exception) -> ActionError | None:
    """The API's error as an ActionError: conflicts, throttling and server errors are transient."""
    if not isinstance(error, ApiError):
        return None
    words = re.sub(r"\s+", " ", error.message).strip()
    if not error.status:
        return ActionError(f"cannot reach the Kubernetes API: {words}")
    return ActionError(
        words or f"the Kubernetes API answered {error.status}",
        permanent=400 <= error.status < 500 and error.status not in (408, 409, 429),
    )


def annotations_of(found: Object) -> dict[str, str]:
    """The annotations of an object."""
    return found["metadata"].get("annotations") or {}
