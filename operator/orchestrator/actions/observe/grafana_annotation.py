"""grafana-annotation: mark a moment or a span in Grafana's dashboards.

https://grafana.com/docs/grafana/latest/developers/http_api/annotations/
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, SecretStr, model_validator

from orchestrator.actions.action import Action, Context, Outputs
from orchestrator.actions.rest import Api, OnServer, Url, api, bearer, message_of
from orchestrator.actions.sending import classify

Tag = Annotated[str, Field(min_length=1, max_length=100)]


class GrafanaAnnotation(OnServer):
    """Parameters of grafana-annotation."""

    url: Url
    """URL of Grafana."""
    token: SecretStr
    """Token of a service account that may write annotations."""
    text: Annotated[str, Field(max_length=4096)] = ""
    """Text of the annotation; required unless id is given."""
    tags: Annotated[list[Tag], Field(max_length=20)] = []
    """Tags, by which dashboards choose annotations; the idempotency key's hash is added."""
    dashboard_uid: Annotated[str, Field(max_length=40)] = ""
    """Uid of the dashboard; all dashboards that choose the tags if empty."""
    panel_id: Annotated[int | None, Field(ge=1)] = None
    """Id of the panel; all panels of the dashboard if absent."""
    id: Annotated[int | None, Field(ge=1)] = None
    """Id of an annotation of an earlier node, which then ends now: it becomes a span."""
    organization: Annotated[int | None, Field(ge=1)] = None
    """Id of the organization, sent as X-Grafana-Org-Id."""

    @model_validator(mode="after")
    def _complete(self) -> GrafanaAnnotation:
        if self.id is None and not self.text:
            raise ValueError("give text for a new annotation, or id to end one")
        if self.panel_id and not self.dashboard_uid:
            raise ValueError("panelId needs dashboardUid")
        return self


class AnnotationResult(Outputs):
    """Outputs of grafana-annotation."""

    id: int
    """Id of the annotation."""
    repeated: bool = False
    """Whether an earlier attempt had created the annotation."""


def grafana_annotation(parameters: GrafanaAnnotation, context: Context) -> AnnotationResult:
    """Adds an annotation with the current time, or ends an earlier one so that it becomes a
    span."""
    headers = bearer(parameters.token)
    if parameters.organization:
        headers["X-Grafana-Org-Id"] = str(parameters.organization)
    name, reason = "Grafana", message_of("message")
    with api(name, parameters.url, parameters, context, headers=headers, reason=reason) as server:
        now = _milliseconds(context.clock.now())
        if parameters.id is not None:
            return _end(server, parameters, parameters.id, now)
        mark = f"key:{hashlib.sha256(context.identity.key.encode()).hexdigest()[:16]}"
        query = {"tags": mark, "type": "annotation", "limit": "1"}
        if earlier := server.json("GET", "/api/annotations", params=query):
            context.log(f"annotation {earlier[0]['id']} was added by an earlier attempt")
            return AnnotationResult(id=earlier[0]["id"], repeated=True)
        body = {
            "dashboardUID": parameters.dashboard_uid,
            "panelId": parameters.panel_id,
            "time": now,
            "tags": [*parameters.tags, mark],
            "text": parameters.text,
        }
        given = {key: value for key, value in body.items() if value}
        created = server.json("POST", "/api/annotations", json=given)["id"]
    context.log(f"annotation {created} is added")
    return AnnotationResult(id=created)


def _end(server: Api, parameters: GrafanaAnnotation, found: int, now: int) -> AnnotationResult:
    change: dict[str, Any] = {"timeEnd": now}
    if parameters.text:
        change["text"] = parameters.text
    server.call("PATCH", f"/api/annotations/{found}", json=change)
    server.context.log(f"annotation {found} has ended")
    return AnnotationResult(id=found)


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


ACTION = Action(
    name="grafana-annotation",
    title="Annotate Grafana",
    category="observe",
    icon="bookmark",
    parameters=GrafanaAnnotation,
    outputs=AnnotationResult,
    run=grafana_annotation,
    retries=(
        "Retried: no connection, no response in time, rate limits, 5xx. Not retried: a dashboard "
        "or an annotation that does not exist, a token that Grafana refuses. A tag holds the hash "
        "of the idempotency key: a retry finds the annotation of an earlier attempt and adds no "
        "other."
    ),
    classify=classify,
    example="""
        variables:
        - {name: token, type: secret, secretKeyRef: {name: grafana, key: token}}
        nodes:
        - name: begin
          action: grafana-annotation
          with:
            url: https://grafana.example.com
            token: "$[[ vars.token ]]"
            text: Deployment of the shop
            tags: [deployment, shop]
        - name: restart
          action: rollout-restart
          with: {name: shop}
        - name: end
          action: grafana-annotation
          with:
            url: https://grafana.example.com
            token: "$[[ vars.token ]]"
            id: "$[[ nodes.begin.outputs.id ]]"
        edges:
        - {from: begin, to: restart}
        - {from: restart, to: end}
    """,
)
