"""`alert`: a notification of Alertmanager or Grafana about a group of alerts.

https://prometheus.io/docs/alerting/latest/configuration/#webhook_config and
https://grafana.com/docs/grafana/latest/alerting/configure-notifications/manage-contact-points/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import orjson
from pydantic import Field

from orchestrator.engine.times import to_rfc3339
from orchestrator.models.base import Json, Model, Text, Timestamp
from orchestrator.models.trigger import TriggerSpec
from orchestrator.triggers.bodies import JSON, content_type, is_json, read_json
from orchestrator.triggers.schemes.basic import BASIC
from orchestrator.triggers.schemes.bearer import BEARER
from orchestrator.triggers.schemes.mutual_tls import MUTUAL_TLS
from orchestrator.triggers.schemes.registry import Authentication
from orchestrator.triggers.sources import Event, HttpRequest, HttpResponse, Requests, Sample
from orchestrator.triggers.trigger_type import TriggerType
from orchestrator.validation.problem import Problem

_ALERT = ("status", "startsAt", "endsAt", "generatorURL", "fingerprint")
_TEXTS = ("groupKey", "receiver", "externalURL")
_MAPS = ("groupLabels", "commonLabels", "commonAnnotations")


class AlertStatus(StrEnum):
    """The status of a group of alerts."""

    FIRING = "firing"
    RESOLVED = "resolved"


class Alerts(Model):
    """Notifications of Alertmanager (version 4) or Grafana."""

    statuses: Annotated[list[AlertStatus], Field(min_length=1, max_length=2)] = [AlertStatus.FIRING]
    """Only notifications with one of these statuses."""


class AlertGroup(Model):
    """The event: a group of alerts that fires, or has been resolved."""

    status: AlertStatus
    """The status of the group; it fires while one of its alerts does."""
    group_key: Text
    """The key of the group."""
    group_labels: dict[str, Json]
    """The labels by which the alerts are grouped."""
    common_labels: dict[str, Json]
    """The labels that all alerts have, such as `event.commonLabels.alertname`."""
    common_annotations: dict[str, Json]
    """The annotations that all alerts have."""
    alerts: Annotated[list[Json], Field(max_length=10_000)]
    """The alerts: status, labels, annotations, startsAt, endsAt, generatorURL, fingerprint."""
    external_url: Annotated[Text, Field(alias="externalURL")]
    """Where the sender is found in a browser."""
    receiver: Text
    """The name of the sender's receiver or contact point."""
    starts_at: Timestamp
    """When the first of the alerts with the group's status began."""


AUTHENTICATION = Authentication("an alert", (BEARER, BASIC, MUTUAL_TLS))


def receive(
    settings: Alerts, request: HttpRequest, secrets: Sequence[bytes]
) -> Sequence[Event] | HttpResponse:
    """The event of a notification."""
    if refusal := AUTHENTICATION.refusal(settings, request, secrets):
        return refusal
    if not is_json(content_type(request)):
        return HttpResponse(415, "the content type must be application/json")
    body = read_json(request.body)
    if isinstance(body, HttpResponse):
        return body
    problem = _problem(body)
    if problem:
        return HttpResponse(400, f"this is no notification of Alertmanager or Grafana: {problem}")
    if body["status"] not in settings.statuses:
        return HttpResponse(200, f"the trigger starts nothing when alerts are {body['status']}")
    return [_event(body, request)]


def _problem(body: Any) -> str:
    """What is wrong with a notification; empty if nothing is."""
    if not isinstance(body, Mapping):
        return "the body is not an object"
    # Alertmanager sends version 4; Grafana sends 1 and the id of its organisation.
    if body.get("version") != "4" and "orgId" not in body:
        return "version is not 4"
    if body.get("status") not in list(AlertStatus):
        return "status is neither firing nor resolved"
    if not isinstance(body.get("groupKey"), str) or not body["groupKey"]:
        return "there is no groupKey"
    if any(not isinstance(body.get(name, {}), Mapping) for name in _MAPS):
        return f"one of {', '.join(_MAPS)} is not an object"
    alerts = body.get("alerts")
    if not isinstance(alerts, list) or not alerts:
        return "there are no alerts"
    for at, alert in enumerate(alerts):
        if not isinstance(alert, Mapping) or _moment(alert.get("startsAt")) is None:
            return f"alerts[{at}].startsAt is not a time"
    return ""


def _event(body: Mapping[str, Any], request: HttpRequest) -> Event:
    alerts, status = body["alerts"], body["status"]
    own = [alert for alert in alerts if alert.get("status") == status] or alerts
    moments = [_moment(alert["startsAt"]) for alert in own]
    starts_at = to_rfc3339(min(moment for moment in moments if moment is not None))
    data: dict[str, Any] = {"status": status, "startsAt": starts_at}
    data |= {name: str(body.get(name) or "") for name in _TEXTS}
    data |= {name: dict(body.get(name) or {}) for name in _MAPS}
    data["alerts"] = [_alert(alert) for alert in alerts]
    identity = f"{status}/{starts_at}/{body['groupKey']}"
    return Event(ALERT.key, identity, data, request.received_at)


def _alert(alert: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: str(alert.get(name) or "") for name in _ALERT}
    maps = {name: alert.get(name) or {} for name in ("labels", "annotations")}
    return {**kept, **maps}


def _moment(text: Any) -> float | None:
    """Seconds since the epoch of a time of Go's or Grafana's, whose fractions may be longer."""
    if not isinstance(text, str) or not 0 < len(text) <= 40:
        return None
    try:
        at = datetime.fromisoformat(text)
        seconds = at.timestamp() if at.tzinfo is not None else -1.0
        return seconds if seconds >= 0 else None
    except (ValueError, OverflowError):
        return None


def _sample(settings: Alerts, at: float) -> Sample:
    labels = {"alertname": "Sample", "severity": "warning"}
    alert = {
        "status": settings.statuses[0],
        "labels": labels,
        "annotations": {"summary": "a sample"},
        "startsAt": to_rfc3339(at),
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "",
        "fingerprint": "0123456789abcdef",
    }
    body = {
        "version": "4",
        "groupKey": '{}:{alertname="Sample"}',
        "truncatedAlerts": 0,
        "status": settings.statuses[0],
        "receiver": "workflows",
        "groupLabels": {"alertname": "Sample"},
        "commonLabels": labels,
        "commonAnnotations": {"summary": "a sample"},
        "externalURL": "",
        "alerts": [alert],
    }
    return Sample(JSON, orjson.dumps(body))


def _advice(path: str, _settings: Alerts, spec: TriggerSpec) -> Iterator[Problem]:
    if spec.filter is None and spec.payload is None:
        yield Problem(
            path,
            "every notification starts an execution with all alerts of its group, and one of more"
            " than 64 KiB fails; write spec.filter, such as"
            " `event.commonLabels.severity | default('') == 'page'`, or spec.payload with what the"
            " Workflow needs, such as `{'labels': event.commonLabels}`",
        )


ALERT = TriggerType(
    key="alert",
    starts="Starts when Alertmanager or Grafana notifies of alerts.",
    settings=AUTHENTICATION.model(Alerts),
    event=AlertGroup,
    source=Requests(
        secrets=AUTHENTICATION.secrets, receive=receive, sample=_sample, sign=AUTHENTICATION.sign
    ),
    problems=AUTHENTICATION.problems,
    advice=_advice,
)
