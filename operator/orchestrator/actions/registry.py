"""The shipped actions, in the catalogue's order. A new one is a value in its category's file and a
line here."""

from __future__ import annotations

from typing import Any

from orchestrator.actions import data, diagnostics, incident, infrastructure, kubernetes, notify
from orchestrator.actions.action import Action

ACTIONS: tuple[Action[Any, Any], ...] = (
    incident.INCIDENT_CREATE,
    incident.INCIDENT_UPDATE,
    incident.INCIDENT_RESOLVE,
    kubernetes.ROLLOUT_RESTART,
    kubernetes.ROLLOUT_STATUS,
    diagnostics.POD_LOGS,
    diagnostics.DESCRIBE_EVENTS,
    notify.SLACK_MESSAGE,
    infrastructure.RUN_SCRIPT,
    data.HTTP_REQUEST,
)
