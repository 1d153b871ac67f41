"""silence: silence alerts in Alertmanager for a time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import Field, field_validator

from orchestrator.actions.action import Action, Context, Outputs
from orchestrator.actions.observe.alertmanager import OnAlertmanager, alertmanager, matcher
from orchestrator.actions.rest import Api
from orchestrator.actions.sending import classify
from orchestrator.models.base import Duration, parse_duration


class Silence(OnAlertmanager):
    """Parameters of silence."""

    matchers: Annotated[list[str], Field(min_length=1, max_length=32)]
    """Matchers that an alert must all meet, such as alertname="Down" or team=~"a|b"."""
    duration: Duration = "1h"
    """How long the alerts are silent."""
    comment: Annotated[str, Field(max_length=2048)] = ""
    """Reason of the silence; the idempotency key is appended."""
    created_by: Annotated[str, Field(max_length=256)] = ""
    """Author of the silence; the workflow and the execution if empty."""

    @field_validator("matchers")
    @classmethod
    def _matchers(cls, matchers: list[str]) -> list[str]:
        for text in matchers:
            matcher(text)
        return matchers

    @field_validator("duration")
    @classmethod
    def _duration(cls, duration: str) -> str:
        if parse_duration(duration) <= 0:
            raise ValueError("duration must be more than 0s")
        return duration


class Silenced(Outputs):
    """Outputs of silence."""

    id: str
    """Id of the silence, for unsilence."""
    ends_at: str
    """Time at which the silence ends (RFC 3339)."""
    repeated: bool = False
    """Whether an earlier attempt had created the silence."""


def silence(parameters: Silence, context: Context) -> Silenced:
    """Silences the alerts that match, for a time, as the silences of Alertmanager's web interface
    do."""
    identity, now = context.identity, context.clock.now()
    mark = f"[{identity.key}]"
    author = f"{identity.namespace}/{identity.workflow} (execution {identity.execution})"
    with alertmanager(parameters, context) as server:
        if earlier := _earlier(server, mark):
            context.log(f"silence {earlier['id']} was created by an earlier attempt")
            return Silenced(id=earlier["id"], ends_at=earlier["endsAt"], repeated=True)
        ends_at = _rfc3339(now + timedelta(seconds=parse_duration(parameters.duration)))
        body = {
            "matchers": [matcher(text) for text in parameters.matchers],
            "startsAt": _rfc3339(now),
            "endsAt": ends_at,
            "createdBy": parameters.created_by or author,
            "comment": f"{parameters.comment} {mark}".strip(),
        }
        created = server.json("POST", "/api/v2/silences", json=body)["silenceID"]
    context.log(f"silence {created} of {', '.join(parameters.matchers)} until {ends_at}")
    return Silenced(id=created, ends_at=ends_at)


def _earlier(server: Api, mark: str) -> dict[str, Any] | None:
    """The silence of an earlier attempt that has not expired."""
    for each in server.json("GET", "/api/v2/silences"):
        if each["status"]["state"] != "expired" and each["comment"].endswith(mark):
            return dict(each)
    return None


def _rfc3339(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


ACTION = Action(
    name="silence",
    title="Silence alerts",
    category="observe",
    icon="bell-off",
    parameters=Silence,
    outputs=Silenced,
    run=silence,
    retries=(
        "Retried: no connection, no response in time, rate limits, 5xx. Not retried: matchers that "
        "Alertmanager refuses, credentials that it refuses. The comment ends with the idempotency "
        "key: a retry finds the silence of an earlier attempt and creates no other."
    ),
    classify=classify,
    example="""
        nodes:
        - name: silence
          action: silence
          with:
            url: http://alertmanager.monitoring:9093
            matchers: ['alertname="ShopDown"', 'namespace=~"shop|cart"']
            duration: 30m
            comment: Deployment of the shop
        - name: restart
          action: rollout-restart
          with: {name: shop}
        - name: unsilence
          action: unsilence
          with:
            url: http://alertmanager.monitoring:9093
            id: "$[[ nodes.silence.outputs.id ]]"
        edges:
        - {from: silence, to: restart}
        - {from: restart, to: unsilence}
    """,
)
