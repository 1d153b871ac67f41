"""gitlab-pipeline: start a pipeline of a GitLab project, and wait for its end.

https://docs.gitlab.com/api/pipelines/
"""

from __future__ import annotations

import contextlib
from typing import Annotated, Any
from urllib.parse import quote

from pydantic import Field, SecretStr

from orchestrator.actions.action import Action, ActionError, Context, Outputs
from orchestrator.actions.rest import Api, OnServer, Url, api, message_of
from orchestrator.actions.sending import classify
from orchestrator.models.base import Duration

POLL = 10.0
"""Seconds between two reads of a pipeline."""
KEY = "WORKFLOW_KEY"
"""Variable of a pipeline: the idempotency key."""
RECENT = 20
"""Number of pipelines among which that of an earlier attempt is found."""
ENDED = ("success", "failed", "canceled", "skipped")
Value = str | int | float | bool


class GitlabPipeline(OnServer):
    """Parameters of gitlab-pipeline."""

    project: Annotated[str, Field(min_length=1, max_length=512)]
    """Path of the project, such as group/shop, or its id."""
    token: SecretStr
    """Access token with the scope api."""
    ref: Annotated[str, Field(min_length=1, max_length=255)] = "main"
    """Branch or tag."""
    variables: Annotated[dict[str, Value], Field(max_length=100)] = {}
    """Variables of the pipeline."""
    wait: bool = True
    """Whether to wait for the end of the pipeline."""
    cancel: bool = True
    """Whether to cancel the pipeline if the action is cancelled or reaches its timeout."""
    url: Url = "https://gitlab.com"
    """URL of GitLab."""
    timeout: Duration = "1h"
    """Maximum total time."""


class Pipeline(Outputs):
    """Outputs of gitlab-pipeline."""

    id: int
    """Id of the pipeline."""
    url: str
    """URL of the pipeline."""
    status: str
    """Status of the pipeline: success, or the current one without wait."""
    commit: str = ""
    """Id of the commit."""
    repeated: bool = False
    """Whether an earlier attempt had started the pipeline."""


def gitlab_pipeline(parameters: GitlabPipeline, context: Context) -> Pipeline:
    """Starts a pipeline of a GitLab project, and waits until it has ended. Fails unless it
    succeeds."""
    headers = {"PRIVATE-TOKEN": parameters.token.get_secret_value()}
    reason, name = message_of("message", "error_description", "error"), "GitLab"
    with api(name, parameters.url, parameters, context, headers=headers, reason=reason) as server:
        server.http.secret_headers.add("PRIVATE-TOKEN")
        earlier = _earlier(server, parameters, context.identity.key)
        pipeline = earlier or _start(server, parameters, context.identity.key)
        words = "was started by an earlier attempt" if earlier else "is started"
        context.log(f"pipeline {pipeline['id']} {words}: {pipeline['web_url']}")
        if parameters.wait:
            pipeline = _wait(server, parameters, pipeline)
    if parameters.wait and pipeline["status"] != "success":
        raise ActionError(
            f"pipeline {pipeline['id']} of {parameters.project} ended with {pipeline['status']}: "
            f"{pipeline['web_url']}",
            permanent=True,
        )
    return Pipeline(
        id=pipeline["id"],
        url=pipeline["web_url"],
        status=pipeline["status"],
        commit=pipeline.get("sha", ""),
        repeated=bool(earlier),
    )


def _path(parameters: GitlabPipeline) -> str:
    return f"/api/v4/projects/{quote(parameters.project, safe='')}"


def _start(server: Api, parameters: GitlabPipeline, key: str) -> dict[str, Any]:
    given = {**{name: _text(value) for name, value in parameters.variables.items()}, KEY: key}
    body = {
        "ref": parameters.ref,
        "variables": [{"key": name, "value": value} for name, value in given.items()],
    }
    created: dict[str, Any] = server.json("POST", f"{_path(parameters)}/pipeline", json=body)
    return created


def _earlier(server: Api, parameters: GitlabPipeline, key: str) -> dict[str, Any] | None:
    """The pipeline with this key, unless an earlier attempt cancelled it; only a retry has one, so
    the first attempt asks nothing."""
    if server.context.identity.attempt == 1:
        return None
    query = {"ref": parameters.ref, "source": "api", "per_page": str(RECENT)}
    for each in server.json("GET", f"{_path(parameters)}/pipelines", params=query):
        path = f"{_path(parameters)}/pipelines/{each['id']}/variables"
        if each["status"] in ("canceled", "canceling"):
            continue
        if {"key": KEY, "value": key}.items() <= _variable(server.json("GET", path)).items():
            return dict(each)
    return None


def _variable(variables: list[dict[str, Any]]) -> dict[str, Any]:
    return next((each for each in variables if each["key"] == KEY), {})


def _wait(server: Api, parameters: GitlabPipeline, pipeline: dict[str, Any]) -> dict[str, Any]:
    path, last = f"{_path(parameters)}/pipelines/{pipeline['id']}", ""

    def read() -> dict[str, Any] | None:
        nonlocal last
        found: dict[str, Any] = server.json("GET", path)
        if found["status"] != last:
            server.context.log(f"pipeline {found['id']} is {found['status']}")
            last = found["status"]
        if last == "manual":
            raise ActionError(
                f"pipeline {found['id']} waits for a manual job: {found['web_url']}",
                permanent=True,
            )
        return found if last in ENDED else None

    try:
        return server.wait(read, POLL, lambda: f"pipeline {pipeline['id']} is {last or 'created'}")
    except (ActionError, SystemExit):
        if parameters.cancel:
            _cancel(server, path)
        raise


def _cancel(server: Api, path: str) -> None:
    server.deadline = server.context.clock.monotonic() + POLL
    with contextlib.suppress(Exception):  # the action has failed
        server.call("POST", f"{path}/cancel")
        server.context.log("the pipeline is cancelled")


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


ACTION = Action(
    name="gitlab-pipeline",
    title="Start a GitLab pipeline",
    category="ci",
    icon="play",
    parameters=GitlabPipeline,
    outputs=Pipeline,
    run=gitlab_pipeline,
    retries=(
        "Retried: no connection, no response in time, rate limits, 5xx, a pipeline that does not "
        "end within the timeout. Not retried: a pipeline that fails or waits for a manual job, a "
        "project or a branch that does not exist, a token that GitLab refuses. The variable "
        "WORKFLOW_KEY holds the idempotency key: a retry finds the pipeline of an earlier attempt "
        "among the newest 20 of the branch and starts no other."
    ),
    classify=classify,
    example="""
        variables:
        - {name: token, type: secret, secretKeyRef: {name: gitlab, key: token}}
        nodes:
        - name: deploy
          action: gitlab-pipeline
          with:
            url: https://gitlab.example.com
            project: shop/deployment
            variables: {ENVIRONMENT: staging, DRY_RUN: false}
            token: "$[[ vars.token ]]"
            timeout: 30m
    """,
)
