"""github-status: set the status of a commit on GitHub."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from orchestrator.actions.action import Action, Context, Outputs
from orchestrator.actions.ci.github import OnGithub, github
from orchestrator.actions.rest import Url
from orchestrator.actions.sending import classify


class State(StrEnum):
    PENDING = "pending"
    SUCCESS = "success"
    FAILURE = "failure"
    ERROR = "error"


class GithubStatus(OnGithub):
    """Parameters of github-status."""

    commit: Annotated[str, Field(pattern="^[0-9a-f]{40}$")]
    """Full id of the commit."""
    state: State
    """The state."""
    name: Annotated[str, Field(min_length=1, max_length=255)] = "automation"
    """Name of the status (GitHub's context), which distinguishes it from those of others."""
    description: Annotated[str, Field(max_length=140)] = ""
    """Short description."""
    target_url: Annotated[Url | None, Field()] = None
    """URL that the status links to."""


class CommitStatus(Outputs):
    """Outputs of github-status."""

    id: int
    """Id of the status."""
    url: str
    """URL of the status in the API."""


def github_status(parameters: GithubStatus, context: Context) -> CommitStatus:
    """Sets the status of a commit, which GitHub shows beside the commit and in pull requests."""
    body = {
        "state": parameters.state.value,
        "context": parameters.name,
        "description": parameters.description,
        "target_url": parameters.target_url,
    }
    given = {name: value for name, value in body.items() if value}
    with github(parameters, context) as server:
        path = f"/repos/{parameters.repository}/statuses/{parameters.commit}"
        created = server.json("POST", path, json=given)
    context.log(f"{parameters.name} of {parameters.commit[:12]} is {parameters.state}")
    return CommitStatus(id=created["id"], url=created["url"])


ACTION = Action(
    name="github-status",
    title="Set the status of a commit on GitHub",
    category="ci",
    icon="check-circle",
    parameters=GithubStatus,
    outputs=CommitStatus,
    run=github_status,
    retries=(
        "Retried: no connection, no response in time, rate limits, 5xx. Not retried: a repository "
        "or a commit that does not exist, a token that GitHub refuses. A retry sets the same "
        "status again; GitHub shows the last one of each name. The token needs the permission "
        "commit statuses: write."
    ),
    classify=classify,
    example="""
        variables:
        - {name: token, type: secret, secretKeyRef: {name: github, key: token}}
        - {name: commit, type: string, required: true}
        nodes:
        - name: status
          action: github-status
          with:
            repository: example/shop
            commit: "$[[ vars.commit ]]"
            state: success
            name: deployment/staging
            description: Deployed to staging
            token: "$[[ vars.token ]]"
    """,
)
