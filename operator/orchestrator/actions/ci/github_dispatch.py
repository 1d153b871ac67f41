"""github-dispatch: start a workflow of GitHub Actions, and wait for its run."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import Field, model_validator

from orchestrator.actions.action import Action, ActionError, Context, Outputs
from orchestrator.actions.ci.github import OnGithub, github
from orchestrator.actions.rest import Api
from orchestrator.actions.sending import classify
from orchestrator.models.base import Duration

POLL = 10.0
"""Seconds between two reads of a run."""
MAX_INPUTS = 25
"""Maximum number of inputs of a workflow_dispatch event."""
Input = str | int | float | bool


class GithubDispatch(OnGithub):
    """Parameters of github-dispatch."""

    workflow: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+$", max_length=255)]
    """File name of the workflow, such as deploy.yaml, or its id."""
    ref: Annotated[str, Field(min_length=1, max_length=255)] = "main"
    """Branch or tag."""
    inputs: Annotated[dict[str, Input], Field(max_length=MAX_INPUTS)] = {}
    """Inputs of the workflow."""
    key_input: Annotated[str, Field(max_length=255)] = ""
    """Input of the workflow that is set to the idempotency key; its run-name must contain this
    input, so that the run is found."""
    wait: bool = True
    """Whether to wait for the end of the run; needs keyInput."""
    timeout: Duration = "1h"
    """Maximum total time."""

    @model_validator(mode="after")
    def _findable(self) -> GithubDispatch:
        if self.wait and not self.key_input:
            raise ValueError("wait needs keyInput, by which the run is found")
        if self.key_input and len(self.inputs) == MAX_INPUTS:
            raise ValueError(f"give at most {MAX_INPUTS - 1} inputs, since keyInput is another one")
        return self


class Run(Outputs):
    """Outputs of github-dispatch."""

    id: int | None = None
    """Id of the run, with keyInput and wait."""
    url: str = ""
    """URL of the run."""
    conclusion: str = ""
    """How the run ended: success."""
    repeated: bool = False
    """Whether an earlier attempt had started the run."""


def github_dispatch(parameters: GithubDispatch, context: Context) -> Run:
    """Starts a workflow of GitHub Actions by workflow_dispatch, and waits until its run has ended.
    Fails unless the run succeeds."""
    key = context.identity.key
    inputs = {name: _text(value) for name, value in parameters.inputs.items()}
    with github(parameters, context) as server:
        earlier = None
        if parameters.key_input:
            inputs[parameters.key_input] = key
            earlier = _run(server, parameters, key)
        if earlier:
            context.log(f"run {earlier['id']} was started by an earlier attempt")
        else:
            path = f"{_path(parameters)}/dispatches"
            server.call("POST", path, json={"ref": parameters.ref, "inputs": inputs})
            context.log(f"{parameters.workflow} is dispatched at {parameters.ref}")
        if not parameters.wait:
            return Run(repeated=bool(earlier))
        ended = server.wait(
            lambda: _ended(server, parameters, key),
            POLL,
            lambda: (
                f"the run of {parameters.workflow} has not ended, or its run-name does not "
                f"contain the input {parameters.key_input},"
            ),
        )
    context.log(f"run {ended['id']} ended with {ended['conclusion']}")
    if ended["conclusion"] != "success":
        raise ActionError(
            f"run {ended['id']} of {parameters.workflow} ended with {ended['conclusion']}: "
            f"{ended['html_url']}",
            permanent=True,
        )
    return Run(
        id=ended["id"],
        url=ended["html_url"],
        conclusion=ended["conclusion"],
        repeated=bool(earlier),
    )


def _path(parameters: GithubDispatch) -> str:
    return f"/repos/{parameters.repository}/actions/workflows/{parameters.workflow}"


def _run(server: Api, parameters: GithubDispatch, key: str) -> dict[str, Any] | None:
    """The newest run whose name contains the key, which another item's may begin with."""
    mine = re.compile(re.escape(key) + r"(?![0-9/])")
    query = {"event": "workflow_dispatch", "per_page": "100"}
    found = server.json("GET", f"{_path(parameters)}/runs", params=query)["workflow_runs"]
    for run in found:
        if mine.search(run.get("display_title") or ""):
            return dict(run)
    return None


def _ended(server: Api, parameters: GithubDispatch, key: str) -> dict[str, Any] | None:
    run = _run(server, parameters, key)
    return run if run and run["status"] == "completed" else None


def _text(value: Input) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


ACTION = Action(
    name="github-dispatch",
    title="Start a workflow of GitHub Actions",
    category="ci",
    icon="play",
    parameters=GithubDispatch,
    outputs=Run,
    run=github_dispatch,
    retries=(
        "Retried: no connection, no response in time, rate limits, 5xx, a run that does not end "
        "within the timeout. Not retried: a run that fails, a workflow, branch or input that does "
        "not exist, a token that GitHub refuses. GitHub has no idempotency key: with keyInput, a "
        "retry finds the run of an earlier attempt by its name; without it, a retry starts another "
        "run. The token needs the permission actions: write."
    ),
    classify=classify,
    example="""
        variables:
        - {name: token, type: secret, secretKeyRef: {name: github, key: token}}
        nodes:
        - name: deploy
          action: github-dispatch
          with:
            repository: example/shop
            workflow: deploy.yaml
            inputs: {environment: staging}
            keyInput: key
            token: "$[[ vars.token ]]"
            timeout: 30m
    """,
)
