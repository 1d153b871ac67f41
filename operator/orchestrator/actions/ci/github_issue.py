"""github-issue: open an issue of a GitHub repository, or comment on one."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, model_validator

from orchestrator.actions.action import Action, Context, Outputs
from orchestrator.actions.ci.github import OnGithub, github
from orchestrator.actions.rest import Api
from orchestrator.actions.sending import classify

PAGE = 100
"""Maximum number of objects on a page of GitHub's API."""
Label = Annotated[str, Field(min_length=1, max_length=50)]


class GithubIssue(OnGithub):
    """Parameters of github-issue."""

    title: Annotated[str, Field(max_length=256)] = ""
    """Title of a new issue; give either this or number."""
    body: Annotated[str, Field(max_length=65000)] = ""
    """Text of the issue or of the comment, in Markdown."""
    labels: Annotated[list[Label], Field(max_length=100)] = []
    """Labels of a new issue."""
    assignees: Annotated[list[str], Field(max_length=10)] = []
    """Users that a new issue is assigned to."""
    number: Annotated[int | None, Field(ge=1)] = None
    """Number of the issue to comment on."""
    close: bool = False
    """Whether to close the issue that number names, after the comment."""

    @model_validator(mode="after")
    def _one(self) -> GithubIssue:
        if bool(self.title) == (self.number is not None):
            raise ValueError("give either title for a new issue, or number of an issue")
        if self.number and not (self.body or self.close):
            raise ValueError("number needs body, close or both")
        if self.number and (self.labels or self.assignees):
            raise ValueError("labels and assignees are for a new issue")
        if self.title and self.close:
            raise ValueError("close needs number")
        return self


class Issue(Outputs):
    """Outputs of github-issue."""

    number: int
    """Number of the issue."""
    url: str
    """URL of the issue, or of the comment."""
    repeated: bool = False
    """Whether an earlier attempt had opened the issue or written the comment."""


def github_issue(parameters: GithubIssue, context: Context) -> Issue:
    """Opens an issue of a GitHub repository, or comments on an issue and closes it."""
    mark = f"<!-- {context.identity.key} -->"
    body = f"{parameters.body}\n\n{mark}".strip()
    with github(parameters, context) as server:
        if parameters.number is None:
            return _open(server, parameters, body, mark)
        return _comment(server, parameters, parameters.number, body, mark)


def _open(server: Api, parameters: GithubIssue, body: str, mark: str) -> Issue:
    path = f"/repos/{parameters.repository}/issues"
    query = {"state": "all", "sort": "created", "direction": "desc", "per_page": str(PAGE)}
    earlier = _marked(server.json("GET", path, params=query), mark)
    if not earlier:
        given: dict[str, Any] = {"title": parameters.title, "body": body}
        given |= {"labels": parameters.labels} if parameters.labels else {}
        given |= {"assignees": parameters.assignees} if parameters.assignees else {}
        issue = server.json("POST", path, json=given)
    else:
        issue = earlier
    server.context.log(f"issue {issue['number']} is {'already ' if earlier else ''}open")
    return Issue(number=issue["number"], url=issue["html_url"], repeated=bool(earlier))


def _comment(server: Api, parameters: GithubIssue, number: int, body: str, mark: str) -> Issue:
    path = f"/repos/{parameters.repository}/issues/{number}"
    issue = server.json("GET", path)
    url, earlier = issue["html_url"], None
    if parameters.body:
        earlier = _earlier_comment(server, path, issue["comments"], mark)
        comment = earlier or server.json("POST", f"{path}/comments", json={"body": body})
        url = comment["html_url"]
    if parameters.close and issue["state"] != "closed":
        server.call("PATCH", path, json={"state": "closed"})
    server.context.log(f"issue {number} is {'closed' if parameters.close else 'commented'}")
    return Issue(number=number, url=url, repeated=bool(earlier))


def _earlier_comment(server: Api, path: str, count: int, mark: str) -> dict[str, Any] | None:
    """The comment of an earlier attempt; comments are listed from the oldest to the newest."""
    last = max(1, -(-count // PAGE))
    for page in range(last, max(0, last - 2), -1):
        query = {"per_page": str(PAGE), "page": str(page)}
        if found := _marked(server.json("GET", f"{path}/comments", params=query), mark):
            return found
    return None


def _marked(found: list[dict[str, Any]], mark: str) -> dict[str, Any] | None:
    return next((each for each in found if (each.get("body") or "").endswith(mark)), None)


ACTION = Action(
    name="github-issue",
    title="Open or comment on an issue of GitHub",
    category="ci",
    icon="circle-dot",
    parameters=GithubIssue,
    outputs=Issue,
    run=github_issue,
    retries=(
        "Retried: no connection, no response in time, rate limits, 5xx. Not retried: a repository, "
        "an issue or an assignee that does not exist, a token that GitHub refuses. The text ends "
        "with the idempotency key as an invisible comment: a retry finds the issue or the comment "
        "of an earlier attempt among the newest 100 and writes no other. The token needs the "
        "permission issues: write."
    ),
    classify=classify,
    example="""
        variables:
        - {name: token, type: secret, secretKeyRef: {name: github, key: token}}
        nodes:
        - name: open
          action: github-issue
          with:
            repository: example/shop
            title: The nightly backup failed
            body: "See execution $[[ execution.name ]]."
            labels: [backup]
            token: "$[[ vars.token ]]"
    """,
)
