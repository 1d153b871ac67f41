"""The Kubernetes API for actions: plain objects in and out, errors in words."""

from __future__ import annotations

import re
from collections.abc import Mapping

from orchestrator.actions.action import ActionError
from orchestrator.kube.access import AccessError, of_kubeconfig, of_pod
from orchestrator.kube.blocking import BlockingClient
from orchestrator.kube.errors import ApiError

FIELD_MANAGER = "itechsmart-workflow-action"


def connect(environ: Mapping[str, str]) -> BlockingClient:
    """Connect as the pod's service account, or with $KUBECONFIG where it is set.

    Raises ActionError, permanent, when there are no credentials.
    """
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
    """What an error of the API is worth: conflicts, throttling and its own failures pass."""
    if not isinstance(error, ApiError):
        return None
    words = re.sub(r"\s+", " ", error.message).strip()
    if not error.status:
        return ActionError(f"cannot reach the Kubernetes API: {words}")
    return ActionError(
        words or f"the Kubernetes API answered {error.status}",
        permanent=400 <= error.status < 500 and error.status not in (408, 409, 429),
    )
