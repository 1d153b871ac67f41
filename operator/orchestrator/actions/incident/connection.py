"""Connects an action to the backend that its parameters name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from orchestrator.actions.action import ActionError, Context
from orchestrator.actions.cluster import classify as classify_kubernetes
from orchestrator.actions.incident.backend import Backend, BackendParameters, Kind
from orchestrator.actions.sending import classify as classify_http


@contextmanager
def connect(parameters: BackendParameters, context: Context) -> Iterator[Backend]:
    """The backend that the parameters name."""
    # Imported here: each of them is needed by a part of the workflows only.
    match parameters.backend:
        case Kind.INCIDENT:
            from orchestrator.actions.incident.backends.incident import IncidentResources

            yield IncidentResources(context)
        case Kind.PAGERDUTY:
            from orchestrator.actions.incident.backends.pagerduty import pagerduty

            with pagerduty(parameters, context) as backend:
                yield backend
        case Kind.SERVICENOW:
            from orchestrator.actions.incident.backends.servicenow import servicenow

            with servicenow(parameters, context) as backend:
                yield backend
        case Kind.JSM:
            from orchestrator.actions.incident.backends.jsm import jsm

            with jsm(parameters, context) as backend:
                yield backend


def classify(error: Exception) -> ActionError | None:
    """The classification of errors of the Kubernetes API and of other services."""
    return classify_kubernetes(error) or classify_http(error)
